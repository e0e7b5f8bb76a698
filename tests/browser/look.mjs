// Opens pages from the disk in a headless Chromium and says what it saw, as JSON.
// Standard input: {"pages": ["/…/report.html", …], "axe": true, "pictures": "/a/folder" (optional)}
// Standard output: {"browser": "…", "pages": {"/…/report.html": {…}}}; see `seen` below for what is said of a page.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from './chromium.mjs'

const require = createRequire(import.meta.url)
const playwright = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const DESK = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844 }
const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--font-render-hinting=none'
]

const asked = JSON.parse(await text(process.stdin))
const { path, env, version } = chromium()
// A fresh profile is Playwright's own doing: it makes one for each launch and removes it.
const browser = await playwright.chromium.launch({ executablePath: path, env, args: ARGUMENTS, headless: true })
const pages = {}
try {
  for (const file of asked.pages) pages[file] = await look(file)
} finally {
  await browser.close()
}
process.stdout.write(JSON.stringify({ browser: version, pages }))

async function look(file) {
  const context = await browser.newContext({ viewport: DESK, acceptDownloads: false })
  const page = await context.newPage()
  const heard = { requests: [], console: [], errors: [], dialogs: 0, popups: 0 }
  page.on('request', request => heard.requests.push(request.url()))
  page.on('console', message => heard.console.push(message.text()))
  page.on('pageerror', error => heard.errors.push(String(error)))
  page.on('dialog', dialog => { heard.dialogs += 1; dialog.dismiss() })
  context.on('page', () => { heard.popups += 1 })
  const url = pathToFileURL(file).href
  await page.goto(url, { waitUntil: 'load' })
  const desk = await page.evaluate(seen)
  const inPrint = await printed(page)
  await page.setViewportSize(PHONE)
  const phone = await page.evaluate(() => ({ wide: document.scrollingElement.scrollWidth }))
  await context.close()
  const found = { url, ...heard, ...desk, print: inPrint, phone, violations: asked.axe ? await checked(url) : [] }
  if (asked.pictures) await pictured(url, basename(file, '.html'))
  return found
}

/** What a reader sees and what the document holds; runs in the page. */
function seen() {
  const of = name => {
    const picture = document.querySelector(`svg.${name}`)
    if (!picture) return null
    const { width, height } = picture.getBoundingClientRect()
    const said = (picture.getAttribute('aria-labelledby') ?? '').split(' ').map(id => document.getElementById(id)?.textContent)
    return { width, height, shapes: picture.querySelectorAll('rect').length, texts: [...picture.querySelectorAll('text')].map(one => one.textContent), said }
  }
  const allowed = new Set(
    ('html head meta title style body a header main nav footer section h1 h2 h3 p span strong bdi dl div dt dd ol ul li ' +
      'table caption thead tbody tr th td details summary code figure figcaption label input ' +
      'svg desc g rect line circle path text').split(' ')
  )
  const all = [...document.querySelectorAll('*')]
  return {
    title: document.title,
    timeline: of('timeline'),
    lineage: of('lineage'),
    headings: [...document.querySelectorAll('h1,h2,h3')].map(one => `${one.tagName} ${one.textContent}`),
    strangers: [...new Set(all.map(one => one.localName).filter(name => !allowed.has(name)))],
    handlers: all.flatMap(one => [...one.attributes].map(a => a.name)).filter(name => /^on|^style$|^src$|^action$/.test(name)),
    links: [...document.querySelectorAll('a')].map(one => one.getAttribute('href')),
    inputs: [...document.querySelectorAll('input')].map(one => one.type),
    folded: [...document.querySelectorAll('details table')].filter(one => !one.checkVisibility()).length,
    texts: document.body.innerText.length
  }
}

/** On paper: what is folded is open, and a PDF can be made. */
async function printed(page) {
  await page.emulateMedia({ media: 'print' })
  // What was hidden is laid out with a later frame, on a busy machine much later.
  const shown = page.waitForFunction(() => [...document.querySelectorAll('details table')].every(one => one.checkVisibility()), null, { timeout: 20_000 })
  await shown.catch(() => undefined)
  const hidden = await page.evaluate(() => [...document.querySelectorAll('details table')].filter(one => !one.checkVisibility()).length)
  const nav = await page.evaluate(() => document.querySelector('nav')?.checkVisibility() ?? false)
  const bytes = asked.axe ? (await page.pdf({ format: 'A4' })).length : 0
  await page.emulateMedia({ media: 'screen' })
  return { hidden, nav, bytes }
}

/** What axe finds, by day and by night, on a desk and on a phone. */
async function checked(url) {
  const found = []
  for (const [colorScheme, viewport] of [['light', DESK], ['dark', PHONE]]) {
    const context = await browser.newContext({ viewport, colorScheme })
    const page = await context.newPage()
    await page.goto(url)
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
    for (const { id, help, nodes } of violations) {
      found.push({ id, help, colorScheme, where: nodes.slice(0, 3).map(one => one.html.slice(0, 200)), why: nodes[0]?.failureSummary })
    }
    await context.close()
  }
  return found
}

async function pictured(url, name) {
  for (const [kind, viewport, colorScheme] of [['desk', DESK, 'light'], ['phone', PHONE, 'light'], ['night', DESK, 'dark']]) {
    const context = await browser.newContext({ viewport, colorScheme })
    const page = await context.newPage()
    await page.goto(url)
    await page.screenshot({ path: join(asked.pictures, `${name}-${kind}.png`), fullPage: true })
    if (kind === 'desk') await page.pdf({ path: join(asked.pictures, `${name}.pdf`), format: 'A4' })
    await context.close()
  }
}

async function text(stream) {
  let whole = ''
  for await (const chunk of stream) whole += chunk
  return whole
}
