import * as echarts from 'echarts'

/** Okabe and Ito's colours, which all eyes can tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'roundRect', 'arrow']

/**
 * Lines on two logarithmic axes, as SVG on white, so that it can be read on a dark page too.
 * @param {{ title: string, x: string, y: string, lines: { name: string, points: [number, number][] }[] }} plot
 */
export function logLogPlot({ title, x, y, lines }) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 800, height: 480 })
  const axis = (name) => ({
    type: 'log',
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: '#333', fontSize: 13 },
    axisLabel: { color: '#333', formatter: short },
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
      // From the eighth line on the colours come again.
      lineStyle: { width: 2, type: line < COLOURS.length ? 'solid' : 'dashed' },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${asImage(svg)}\n`
}

/**
 * Without what answers to a mouse, and with names that do not count the charts of the process: the
 * same figures shall make the same file.
 */
function asImage(svg) {
  return svg
    .replaceAll(/<style[\s\S]*?<\/style>/g, '')
    .replaceAll(/ (class|pointer-events)="[^"]*"/g, '')
    .replaceAll(/\bzr\d+-/g, 'plot-')
    .replaceAll(/\n{2,}/g, '\n')
}

function short(value) {
  return value >= 1000 ? `${value / 1000}k` : String(value)
}
