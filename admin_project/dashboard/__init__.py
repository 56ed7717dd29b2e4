"""The figures as people read them: pages, charts, exports, an API and Prometheus metrics."""
