import { Option } from '@commander-js/extra-typings'

export const FILE_KINDS = ['compose', 'env', 'procfile', 'caddy', 'cloudflared'] as const

export const SOURCE_KINDS = [...FILE_KINDS, 'scan'] as const

type SourceKind = (typeof SOURCE_KINDS)[number]

/** The sources from which an import can propose rows. Only one can be given. */
export const sourceOptions = {
  compose: source(
    'compose',
    new Option(
      '--compose <file>',
      'propose the ports that a Compose file, or docker compose config --format json, publishes',
    ),
  ),
  env: source(
    'env',
    new Option('--env <file>', 'propose the ports in PORT variables, and in URLs of this host'),
  ),
  procfile: source(
    'procfile',
    new Option('--procfile <file>', 'propose the ports that a Procfile names'),
  ),
  caddy: source(
    'caddy',
    new Option('--caddy <file>', 'propose the upstreams of a Caddyfile, and Caddy’s own ports'),
  ),
  cloudflared: source(
    'cloudflared',
    new Option('--cloudflared <file>', 'propose the services of a tunnel, with their hostnames'),
  ),
  scan: source(
    'scan',
    new Option(
      '--scan',
      'propose the TCP ports in use on this host, by the directory of the process',
    ),
  ),
}

function source<Of extends Option>(kind: SourceKind, option: Of): Of {
  option.conflicts([
    ...SOURCE_KINDS.filter((each) => each !== kind),
    'format',
    ...(kind === 'scan' ? ['project'] : []),
  ])
  return option
}
