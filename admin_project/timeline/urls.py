"""The timeline's addresses, under /admin/."""

from django.contrib import admin
from django.urls import path

from admin_project.timeline import views

urlpatterns = [
    path("timeline/", admin.site.admin_view(views.timeline), name="timeline"),
    path("stuck/", admin.site.admin_view(views.stuck), name="stuck"),
]
