"""The shop's addresses."""

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from customer_project.checkout import payments, views
from customer_project.checkout.subscriptions import views as subscriptions

login = LoginView.as_view(
    template_name="checkout/login.html", extra_context={"demo": settings.DEBUG}
)

_ONE = "subscriptions/<uuid:subscription_id>"

urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("login/", login, name="shop-login"),
    path("logout/", LogoutView.as_view(next_page="catalogue"), name="shop-logout"),
    path("items/<slug:slug>/order/", views.place_order, name="place-order"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("orders/<uuid:order_id>/pay/", views.pay, name="order-pay"),
    path("orders/<uuid:order_id>/status/", views.status, name="order-status"),
    path("orders/<uuid:order_id>/answered/", views.answered, name="order-answered"),
    path("orders/<uuid:order_id>/return/", views.come_back, name="order-return"),
    path("payments/<uuid:payment_id>/", payments.payment, name="payment"),
    path("payments/<uuid:payment_id>/go-on/", payments.go_on, name="payment-go-on"),
    path("payments/<uuid:payment_id>/return/", payments.come_back, name="payment-return"),
    path("plans/", subscriptions.plans, name="plans"),
    path("plans/<slug:slug>/", subscriptions.plan, name="plan"),
    path("plans/<slug:slug>/pay/", subscriptions.subscribe, name="plan-subscribe"),
    path("plans/<slug:slug>/return/", subscriptions.back_at_plan, name="plan-return"),
    path(f"{_ONE}/", subscriptions.subscription, name="my-subscription"),
    path(f"{_ONE}/status/", subscriptions.status, name="my-subscription-status"),
    path(f"{_ONE}/card/pay/", subscriptions.card, name="my-subscription-card"),
    path(f"{_ONE}/change/", subscriptions.change, name="my-subscription-change"),
    path(f"{_ONE}/answered/", subscriptions.answered, name="my-subscription-answered"),
    path(f"{_ONE}/return/", subscriptions.come_back, name="my-subscription-return"),
]
