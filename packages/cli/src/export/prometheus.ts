import { nameOfService, type PortAllocation, printable } from '@ports/core'
import { addressOf } from './addressOf.js'
import type { TargetCommand } from './Target.js'

export const prometheus: TargetCommand = {
  name: 'prometheus',
  description: 'Prometheus: a target for each TCP port, for file_sd_configs or static_configs',
  help: `
The file is for file_sd_configs. Its name must end with .yml or .yaml, because Prometheus reads a
.json file as JSON. In prometheus.yml, a block under static_configs: gets the same lines.

The labels are project and service. A service with a type has the label type, and one that does not
belong to the primary instance has ports_instance. Prometheus sets the label instance to the address.

Examples:
  ports export prometheus --output /etc/prometheus/ports.yml
  ports export prometheus shop --output prometheus.yml --check`,
  refusedExtension: '.json',
  async render({ allocations }) {
    const { yamlText, yamlTexts } = await import('./yamlTexts.js')
    const listened = allocations.filter(({ protocol }) => protocol === 'tcp')
    const groups = listened.map(groupOf)
    const { yaml } = yamlTexts('static_configs', groups)
    const services = new Set(listened.map(nameOfService)).size
    return { whole: yamlText(groups), yaml, services, omissions: [] }
  },
}

function groupOf(allocation: PortAllocation) {
  const { projectName, serviceName, instance, serviceType } = allocation
  return {
    targets: [addressOf(allocation)],
    labels: {
      project: projectName,
      service: serviceName,
      ...(instance !== '' && { ports_instance: instance }),
      ...(serviceType !== undefined && { type: printable(serviceType) }),
    },
  }
}
