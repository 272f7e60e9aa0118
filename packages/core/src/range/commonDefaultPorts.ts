/**
 * Numbers that common programs use by default. A block that `ensureRange` creates contains none of
 * them, because somebody is likely to start such a program on the machine.
 */
export const COMMON_DEFAULT_PORTS: readonly number[] = [
  3000, // Next.js, Express, Rails, Grafana
  3001, // the next one of Next.js
  3306, // MySQL
  3389, // Remote Desktop
  4000, // Jekyll, Phoenix
  4173, // vite preview
  4200, // Angular
  4317, // OpenTelemetry
  4321, // Astro
  5000, // Flask, AirPlay of macOS
  5173, // Vite
  5432, // PostgreSQL
  5601, // Kibana
  5672, // RabbitMQ
  6006, // Storybook
  6379, // Redis
  7000, // AirPlay of macOS
  8000, // Django, http.server of Python
  8080, // HTTP servers beside 80
  8443, // HTTPS servers beside 443
  8888, // Jupyter
  9000, // PHP-FPM, MinIO
  9090, // Prometheus
  9092, // Kafka
  9200, // Elasticsearch
  11211, // Memcached
  11434, // Ollama
  27017, // MongoDB
]
