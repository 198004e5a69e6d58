-- Settings that are off and must be on for a committed row to survive a crash of the server.
SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on'
ORDER BY name
