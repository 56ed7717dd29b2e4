import hypothesis

# How long an example takes says nothing about it on a busy machine.
hypothesis.settings.register_profile("paybridge", deadline=None)
hypothesis.settings.load_profile("paybridge")
