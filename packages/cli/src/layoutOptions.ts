import { Option } from '@commander-js/extra-typings'
import { typedNumber } from './typedNumber.js'

export const countOption = new Option('--count <number>', 'how many ports').argParser(typedNumber)

export const contiguousOption = new Option('--contiguous', 'with --count, consecutive numbers')

export const bothProtocolsOption = new Option(
  '--both-protocols',
  'the same number for tcp and udp',
).conflicts('protocol')
