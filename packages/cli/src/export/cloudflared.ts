import { invalidArgument } from '@ports/core'
import { type PublicService, publicServices } from './publicServices.js'
import type { TargetCommand } from './Target.js'

export const cloudflared: TargetCommand = {
  name: 'cloudflared',
  description: 'cloudflared: an ingress rule for each service with a Cloudflare hostname',
  help: `
The output is the key ingress: with the rules, and a final rule that answers 404. To add it to the
file that has tunnel: and credentials-file:, put a block in that file. A block in the list under
ingress: gets only the rules. The file must then have the final rule after the block. The protocol
of a rule is the type of the service if that is https, ssh, rdp, smb or tcp. It is tcp for types such
as postgres, redis or grpc, and otherwise http.

Examples:
  ports export cloudflared --output /etc/cloudflared/config.yml
  ports export cloudflared --hostname nas`,
  async render(exported) {
    const { yamlTexts } = await import('./yamlTexts.js')
    const { services, omissions } = await publicServices(exported)
    const rules = services.map(ruleOf)
    const comments = services.map(({ comment }) => comment)
    const { whole } = yamlTexts('ingress', [...rules, NOTHING_ELSE], comments)
    const { yaml } = yamlTexts('ingress', rules, comments)
    return { whole, yaml, services: services.length, omissions }
  },
}

const NOTHING_ELSE = { service: 'http_status:404' }

function ruleOf(service: PublicService) {
  const { publicHostname, name, scheme, addresses } = service
  if (addresses.length > 1) {
    const expected = `given, because a rule has one address, and ${name} has ${addresses.join(' and ')}`
    throw invalidArgument('hostname', undefined, expected)
  }
  return { hostname: publicHostname, service: `${scheme}://${addresses[0]}` }
}
