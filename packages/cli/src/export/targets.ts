import { caddy } from './caddy.js'
import { cloudflared } from './cloudflared.js'
import { compose } from './compose.js'
import { nginx } from './nginx.js'
import { prometheus } from './prometheus.js'
import type { Target } from './Target.js'
import { traefik } from './traefik.js'

/** In the order of the help. */
export const TARGETS: readonly Target[] = [compose, cloudflared, caddy, traefik, nginx, prometheus]
