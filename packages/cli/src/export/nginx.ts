import { isIPv6 } from 'node:net'
import { type PublicService, publicHttpServices } from './publicServices.js'
import type { TargetCommand } from './Target.js'

export const nginx: TargetCommand = {
  name: 'nginx',
  description: 'nginx: an upstream and a server for each service with a Cloudflare hostname',
  help: `
The file belongs in the http block, for example as /etc/nginx/conf.d/ports.conf. The servers listen
on port 80 without TLS. They are meant for a tunnel or a proxy that terminates TLS, and pass on its
X-Forwarded-Proto. They pass on WebSockets too. Services of a type that is not HTTP, such as postgres
or grpc, are left out. nginx must be able to resolve the host names. If nginx reports that it could
not build server_names_hash, a name is too long for it. Then add server_names_hash_bucket_size 512;
to the http block.

Examples:
  ports export nginx --output /etc/nginx/conf.d/ports.conf && nginx -t
  ports export nginx shop --output /etc/nginx/conf.d/ports.conf --check`,
  async render(exported) {
    const { services, omissions } = await publicHttpServices(exported)
    const blocks = services.length > 0 ? [MAPS, ...services.map(serverOf)] : []
    const notices = noticesOf(services)
    return { whole: blocks.join('\n'), services: services.length, omissions, notices }
  },
}

/** In characters. With its default bucket size of 64 bytes, nginx refuses a longer name. */
const MAX_NAME_LENGTH = 46

function noticesOf(services: readonly PublicService[]): string[] {
  const long = services.filter(({ publicHostname }) => publicHostname.length > MAX_NAME_LENGTH)
  const [first] = long
  if (!first) return []
  const others = long.length === 1 ? '' : ` (and ${long.length - 1} more)`
  return [
    `${first.publicHostname}${others} is longer than nginx allows by default. Add to its http block: ` +
      'server_names_hash_bucket_size 512;',
  ]
}

/** nginx allows a map to be repeated, so each file and each block can contain these. */
const MAPS = `map $http_upgrade $ports_connection {
    default upgrade;
    '' '';
}

map $http_x_forwarded_proto $ports_forwarded_proto {
    default $http_x_forwarded_proto;
    '' $scheme;
}
`

function serverOf({ key, publicHostname, scheme, addresses, comment }: PublicService): string {
  const servers = addresses.map((address) => `    server ${address};\n`).join('')
  const name = isIPv6(publicHostname) ? `[${publicHostname}]` : publicHostname
  return `# ${comment}
upstream ${key} {
${servers}}

server {
    listen 80;
    listen [::]:80;
    server_name ${name};

    location / {
        proxy_pass ${scheme}://${key};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $ports_forwarded_proto;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $ports_connection;
    }
}
`
}
