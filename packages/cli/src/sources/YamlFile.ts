import { invalidArgument } from '@ports/core'
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml'
import type { SourceFile } from './Findings.js'

/** The most fields that all mappings of a file together may merge. */
const MAX_MERGED = 1_000_000

export type YamlNode = Exclude<Node, Alias>

/** A YAML file, with the lines and the text of its parts. JSON is YAML too. */
export class YamlFile {
  readonly root: YamlNode | undefined
  readonly #source: string
  /** The node that each alias stands for. */
  readonly #targets: ReadonlyMap<Alias, Node>
  readonly #lines = new LineCounter()
  #merged = 0

  /** @throws {PortsError} `INVALID_ARGUMENT` if it is no YAML */
  constructor({ content, source }: Pick<SourceFile, 'content' | 'source'>) {
    this.#source = source
    const document = parseDocument(content, {
      lineCounter: this.#lines,
      merge: true,
      logLevel: 'error',
    })
    const [error] = document.errors
    if (error) throw invalidArgument('file', source, `YAML (${error.message.split('\n')[0]})`)
    this.#targets = targetsIn(document)
    this.root = this.#resolved(document.contents)
  }

  placeOf(node: YamlNode): string {
    return `line ${this.#lines.linePos(node.range![0]).line}`
  }

  /**
   * The fields of a mapping, with those that it merges. Empty for anything else.
   * @throws {PortsError} `INVALID_ARGUMENT` if the file merges more than anybody writes
   */
  fieldsOf(node: YamlNode | undefined): Map<string, YamlNode> {
    const fields = new Map<string, YamlNode>()
    // A mapping may merge itself, or another one twice. Their fields are already there then.
    const seen = new Set<YamlNode>()
    const rest = [node]
    while (rest.length > 0) {
      const next = rest.pop()
      if (!isMap(next) || seen.has(next)) continue
      seen.add(next)
      if (next !== node) this.#countMerged(next.items.length)
      const merged: YamlNode[] = []
      for (const { key, value } of next.items) {
        const field = this.#resolved(value)
        if (field === undefined || !isScalar(key)) continue
        // The parser turns << into a symbol.
        if (typeof key.value === 'symbol')
          merged.push(...(isSeq(field) ? this.itemsOf(field) : [field]))
        else if (!fields.has(String(key.value))) fields.set(String(key.value), field)
      }
      rest.push(...merged.reverse())
    }
    return fields
  }

  itemsOf(node: YamlNode): YamlNode[] {
    return isSeq(node) ? node.items.flatMap((item) => this.#resolved(item) ?? []) : []
  }

  /**
   * The text as it is written, because nobody means a port by 0x50 or 8_000. Undefined if it is not
   * a scalar.
   */
  textOf(node: YamlNode): string | undefined {
    if (!isScalar(node)) return undefined
    if (typeof node.value === 'string') return node.value
    return node.value === null ? '' : (node.source ?? String(node.value))
  }

  isPlain(node: YamlNode): boolean {
    return isScalar(node) && node.type === Scalar.PLAIN
  }

  #countMerged(fields: number): void {
    this.#merged += fields + 1
    if (this.#merged <= MAX_MERGED) return
    throw invalidArgument('file', this.#source, `YAML that merges at most ${MAX_MERGED} fields`)
  }

  #resolved(value: unknown): YamlNode | undefined {
    const node = isAlias(value) ? this.#targets.get(value) : value
    return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined
  }
}

/** An alias stands for the last node before it that has its anchor. */
function targetsIn(document: Document.Parsed): Map<Alias, Node> {
  const targets = new Map<Alias, Node>()
  const anchors = new Map<string, Node>()
  visit(document, {
    Alias(_key, alias) {
      const target = anchors.get(alias.source)
      if (target) targets.set(alias, target)
    },
    Value(_key, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    },
  })
  return targets
}
