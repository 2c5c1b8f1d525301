"""What a running pipeline tells: events, metrics, logs."""
