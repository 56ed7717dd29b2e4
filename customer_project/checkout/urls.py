"""The shop's addresses."""

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from customer_project.checkout import payments, views

login = LoginView.as_view(
    template_name="checkout/login.html", extra_context={"demo": settings.DEBUG}
)

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
]
