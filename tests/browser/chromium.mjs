// The Chromium that the browser tests use: always the pinned one that the npm package @sparticuz/chromium carries, so
// that every machine sees the same page. It is unpacked once, with its fonts and the libraries that a bare machine lacks.
// Only where it cannot run (it is for Linux on x86-64) is one from the PATH taken. Where there is none, it says so.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

const require = createRequire(import.meta.url)
const ROOT = join(dirname(new URL(import.meta.url).pathname), '..', '..')
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Gives the path of a Chromium that runs here, and the environment to start it with. Throws where there is none. */
export function chromium() {
  const packed = process.platform === 'linux' && process.arch === 'x64' ? unpacked() : undefined
  const pinned = packed && runs(packed)
  if (pinned) return pinned
  for (const path of onPath()) {
    const found = runs({ path, tries: [{}] })
    if (found) return found
  }
  throw new Error(
    `No Chromium runs on this machine. The pinned one is for Linux on x86-64 (this is ${process.platform} on ${process.arch})` +
      `${packed ? ' and did not start' : ''}. Install Chromium so that one of ${NAMES.join(', ')} is on the PATH.`
  )
}

/** Starts it to ask its version; with its own libraries first, without them where they do not fit this machine. */
function runs({ path, tries }) {
  for (const more of tries) {
    const env = { ...process.env, ...more }
    const said = spawnSync(path, ['--version', '--no-sandbox', '--headless'], { env, encoding: 'utf8', timeout: 20_000 })
    if (said.status === 0) return { path, env, version: said.stdout.trim() }
  }
  return undefined
}

function unpacked() {
  const packageFolder = join(dirname(require.resolve('@sparticuz/chromium')), '..')
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
  const folder = join(process.env.TOURNIQUET_BROWSER || join(ROOT, '.build', 'browser'), version)
  if (!existsSync(folder)) unpack(join(packageFolder, 'bin'), folder)
  const fonts = { FONTCONFIG_FILE: join(folder, 'fonts.conf') }
  return {
    path: join(folder, 'chromium'),
    tries: [{ ...fonts, LD_LIBRARY_PATH: join(folder, 'lib') }, fonts]
  }
}

/** Unpacks beside the folder and renames, so that nobody ever sees half of it. */
function unpack(from, folder) {
  mkdirSync(dirname(folder), { recursive: true })
  const half = mkdtempSync(`${folder}-`)
  const read = name => brotliDecompressSync(readFileSync(join(from, name)))
  writeFileSync(join(half, 'chromium'), read('chromium.br'), { mode: 0o755 })
  for (const name of ['fonts.tar.br', 'al2023.tar.br', 'swiftshader.tar.br']) {
    const done = spawnSync('tar', ['-x', '-C', half], { input: read(name) })
    if (done.status !== 0) throw new Error(`${name} could not be unpacked: ${done.error ?? done.stderr}`)
  }
  // The package's own list of fonts names folders of a Lambda function.
  writeFileSync(
    join(half, 'fonts.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}/fonts</dir>` +
      `<cachedir>${folder}/fonts-cache</cachedir></fontconfig>\n`
  )
  try {
    renameSync(half, folder)
  } catch (error) {
    rmSync(half, { recursive: true, force: true })
    if (!existsSync(folder)) throw error // otherwise somebody else was faster
  }
}

function onPath() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return NAMES.flatMap(name => folders.map(folder => join(folder, name))).filter(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
