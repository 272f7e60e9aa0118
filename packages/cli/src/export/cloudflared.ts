import { invalidArgument } from '@ports/core'
import { type PublicService, publicServices } from './publicServices.js'
import type { TargetCommand } from './Target.js'

export const cloudflared: TargetCommand = {
  name: 'cloudflared',
  description: 'cloudflared: an ingress rule for each service with a Cloudflare hostname',
  help: `
A file of its own has the rules under ingress:, and a last one that answers 404. Write it into a
block of the file with tunnel: and credentials-file:. A block in the list under ingress: has only
the rules. The last one must then follow the block. The type of a service is the protocol if it is
https, ssh, rdp, smb or tcp; otherwise it is http.

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
    const expected = `given: a rule leads to one host, and ${name} is at ${addresses.join(' and ')}`
    throw invalidArgument('hostname', undefined, expected)
  }
  return { hostname: publicHostname, service: `${scheme}://${addresses[0]}` }
}
