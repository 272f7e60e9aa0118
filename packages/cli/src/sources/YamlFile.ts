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
} from 'yaml'
import type { SourceFile } from './Findings.js'

export type YamlNode = Exclude<Node, Alias>

/** A file of YAML, with the lines and the text of its parts. JSON is YAML as well. */
export class YamlFile {
  readonly root: YamlNode | undefined
  readonly #document: Document.Parsed
  readonly #lines = new LineCounter()

  /** @throws {PortsError} `INVALID_ARGUMENT` if it is no YAML */
  constructor({ content, source }: Pick<SourceFile, 'content' | 'source'>) {
    this.#document = parseDocument(content, {
      lineCounter: this.#lines,
      merge: true,
      logLevel: 'error',
    })
    const [error] = this.#document.errors
    if (error) throw invalidArgument('file', source, `YAML (${error.message.split('\n')[0]})`)
    this.root = this.#resolved(this.#document.contents)
  }

  placeOf(node: YamlNode): string {
    return `line ${this.#lines.linePos(node.range![0]).line}`
  }

  /** Those of a mapping, with those that it merges. Empty for anything else. */
  fieldsOf(node: YamlNode | undefined, mergedBy: readonly YamlNode[] = []): Map<string, YamlNode> {
    const fields = new Map<string, YamlNode>()
    // A mapping may merge itself.
    if (!isMap(node) || mergedBy.includes(node)) return fields
    const merged: YamlNode[] = []
    for (const { key, value } of node.items) {
      const field = this.#resolved(value)
      if (field === undefined || !isScalar(key)) continue
      // The parser makes a symbol of <<.
      if (typeof key.value === 'symbol')
        merged.push(...(isSeq(field) ? this.itemsOf(field) : [field]))
      else fields.set(String(key.value), field)
    }
    for (const each of merged) {
      for (const [name, field] of this.fieldsOf(each, [...mergedBy, node])) {
        if (!fields.has(name)) fields.set(name, field)
      }
    }
    return fields
  }

  itemsOf(node: YamlNode): YamlNode[] {
    return isSeq(node) ? node.items.flatMap((item) => this.#resolved(item) ?? []) : []
  }

  /** As it is written: 0x50 and 8_000 are no ports to anyone. Undefined if it is no scalar. */
  textOf(node: YamlNode): string | undefined {
    if (!isScalar(node)) return undefined
    if (typeof node.value === 'string') return node.value
    return node.value === null ? '' : (node.source ?? String(node.value))
  }

  isPlain(node: YamlNode): boolean {
    return isScalar(node) && node.type === Scalar.PLAIN
  }

  #resolved(value: unknown): YamlNode | undefined {
    const node = isAlias(value) ? value.resolve(this.#document) : value
    return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined
  }
}
