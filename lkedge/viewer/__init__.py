"""The page that shows what is published: static files and a small loop-back HTTP server."""
