import { expect, test } from 'vitest'
import { agentLimits } from '../src/agentLimits.js'

test('an agent has limits unless the environment says otherwise', () => {
  expect(agentLimits({})).toEqual({ maxPorts: 1000, perMinute: 120 })
  const set = { PORTS_AGENT_MAX_PORTS: '5', PORTS_AGENT_PER_MINUTE: 'none' }
  expect(agentLimits(set)).toEqual({ maxPorts: 5 })
})

test.each([
  ['PORTS_AGENT_MAX_PORTS', '65536'],
  ['PORTS_AGENT_PER_MINUTE', '10001'],
  ['PORTS_AGENT_MAX_PORTS', 'few'],
])('the error of a wrong limit names the variable: %s=%s', (variable, text) => {
  expect(() => agentLimits({ [variable]: text })).toThrow(
    new RegExp(`^${variable} is "${text}", but must be a whole number from 0 to \\d+, or none`),
  )
})
