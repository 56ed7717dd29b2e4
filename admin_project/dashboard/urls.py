"""The dashboard's addresses, under /admin/."""

from django.contrib import admin
from django.urls import path

from admin_project.dashboard import views

_inside = admin.site.admin_view
urlpatterns = [
    path("dashboard/", _inside(views.dashboard), name="dashboard"),
    path("dashboard/pulse/", _inside(views.pulse), name="dashboard-pulse"),
    path("dashboard/books/", _inside(views.books), name="dashboard-books"),
    path("dashboard/figures.csv", _inside(views.export), {"kind": "csv"}, name="dashboard-csv"),
    path("dashboard/figures.json", _inside(views.export), {"kind": "json"}, name="dashboard-json"),
]
