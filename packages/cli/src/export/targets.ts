import { caddy } from './caddy.js'
import { cloudflared } from './cloudflared.js'
import { compose } from './compose.js'
import { nginx } from './nginx.js'
import { prometheus } from './prometheus.js'
import type { TargetCommand } from './Target.js'
import { traefik } from './traefik.js'

/** In the order of the help. */
export const TARGETS: readonly TargetCommand[] = [
  compose,
  cloudflared,
  caddy,
  traefik,
  nginx,
  prometheus,
]
