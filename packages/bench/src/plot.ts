import * as echarts from 'echarts'

/** Okabe and Ito's colours, which people with any colour vision can tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'roundRect', 'arrow']

export interface LogLogPlot {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly { name: string; points: [number, number][] }[]
}

/** Draws lines on two logarithmic axes, as SVG on white, which can be read on a dark page too. */
export function logLogPlot({ title, x, y, lines }: LogLogPlot) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 800, height: 480 })
  const axis = (name: string) => ({
    type: 'log' as const,
    name,
    nameLocation: 'middle' as const,
    nameTextStyle: { color: '#333', fontSize: 13 },
    axisLabel: {
      color: '#333',
      formatter: (value: number) => (value >= 1000 ? `${value / 1000}k` : String(value)),
    },
    axisLine: { show: true, onZero: false, lineStyle: { color: '#333' } },
    splitLine: { lineStyle: { color: '#ddd' } },
  })
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    color: COLOURS,
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, left: 'center', top: 8, textStyle: { color: '#111', fontSize: 15 } },
    legend: {
      orient: 'vertical',
      left: 562,
      top: 'middle',
      itemHeight: 8,
      selectedMode: false,
      textStyle: { color: '#333' },
    },
    grid: { left: 64, right: 250, top: 44, bottom: 56 },
    xAxis: { ...axis(x), nameGap: 30 },
    yAxis: { ...axis(y), nameGap: 44 },
    series: lines.map(({ name, points }, line) => ({
      type: 'line',
      name,
      silent: true,
      data: points,
      symbol: SYMBOLS[line % SYMBOLS.length],
      symbolSize: 7,
      // The colours repeat from the eighth line on.
      lineStyle: { width: 2, type: line < COLOURS.length ? 'solid' : 'dashed' },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${asImage(svg)}\n`
}

/**
 * Removes what reacts to a mouse, and the numbers that count the charts of this process, so that the
 * same figures give the same file.
 */
function asImage(svg: string) {
  return svg
    .replaceAll(/<style[\s\S]*?<\/style>/g, '')
    .replaceAll(/ (class|pointer-events)="[^"]*"/g, '')
    .replaceAll(/\bzr\d+-/g, 'plot-')
    .replaceAll(/\n{2,}/g, '\n')
}
