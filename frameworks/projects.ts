/** A minimal project, and how its development server is started. */
export interface Project {
  readonly name: string
  /** The packages to install, as `npm install` takes them. Without any, the program must exist. */
  readonly packages?: readonly string[]
  readonly files: Readonly<Record<string, string | object>>
  /** The `dev` script of `package.json`, or the command as it is typed. */
  readonly dev?: string
  readonly command?: readonly string[]
  /** The program that must exist. Default: the one of the command. */
  readonly needs?: string
  /** Whether its files are ES modules. */
  readonly isModule?: true
  /** A text that it serves at `/`. Absent if any answer will do. */
  readonly serves?: string
}

const PAGE = '<!doctype html><title>It works</title><p>It works</p>'

const NPM: readonly Project[] = [
  { name: 'Vite', packages: ['vite'], files: { 'index.html': PAGE }, dev: 'vite', serves: 'works' },
  {
    name: 'Vite, built and previewed',
    packages: ['vite'],
    files: { 'index.html': PAGE },
    dev: 'vite build --logLevel error && vite preview --port $PORT --strictPort',
    serves: 'works',
  },
  {
    name: 'Next',
    packages: ['next', 'react', 'react-dom'],
    files: {
      'app/layout.js':
        'export default ({ children }) => <html lang="en"><body>{children}</body></html>',
      'app/page.js': 'export default () => <p>It works</p>',
    },
    dev: 'next dev',
    serves: 'works',
  },
  {
    name: 'Astro',
    // Later versions need Node 22.
    packages: ['astro@5'],
    files: { 'src/pages/index.astro': PAGE },
    dev: 'astro dev',
    serves: 'works',
  },
  {
    name: 'Nuxt',
    packages: ['nuxt', 'vue'],
    files: {
      'nuxt.config.ts': 'export default { compatibilityDate: "2026-01-01" }',
      'app/app.vue': '<template><p>It works</p></template>',
    },
    dev: 'nuxt dev',
  },
  {
    name: 'SvelteKit',
    isModule: true,
    packages: ['@sveltejs/kit', '@sveltejs/vite-plugin-svelte', 'svelte', 'vite'],
    files: {
      'vite.config.js':
        "import { sveltekit } from '@sveltejs/kit/vite'\nexport default { plugins: [sveltekit()] }",
      'svelte.config.js': 'export default {}',
      'src/app.html':
        '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
      'src/routes/+page.svelte': '<p>It works</p>',
    },
    dev: 'vite dev',
    serves: 'works',
  },
  {
    name: 'React Router',
    packages: [
      '@react-router/dev',
      '@react-router/node',
      'react-router',
      'react',
      'react-dom',
      'isbot',
      'vite',
    ],
    files: {
      'vite.config.js':
        "import { reactRouter } from '@react-router/dev/vite'\nexport default { plugins: [reactRouter()] }",
      'app/root.jsx': [
        "import { Outlet, Scripts } from 'react-router'",
        'export default function App() {',
        '  return <html lang="en"><body><Outlet /><Scripts /></body></html>',
        '}',
      ].join('\n'),
      'app/routes.js':
        "import { index } from '@react-router/dev/routes'\nexport default [index('home.jsx')]",
      'app/home.jsx': 'export default function Home() { return <p>It works</p> }',
    },
    dev: 'react-router dev',
    serves: 'works',
  },
  {
    name: 'Angular',
    // Later versions need Node 22.
    packages: [
      '@angular/build@21',
      '@angular/cli@21',
      '@angular/common@21',
      '@angular/compiler@21',
      '@angular/compiler-cli@21',
      '@angular/core@21',
      '@angular/platform-browser@21',
      'rxjs',
      'typescript@5.9',
      'tslib',
    ],
    files: {
      'angular.json': {
        version: 1,
        cli: { analytics: false },
        projects: {
          app: {
            projectType: 'application',
            root: '',
            sourceRoot: 'src',
            architect: {
              build: {
                builder: '@angular/build:application',
                options: {
                  browser: 'src/main.ts',
                  tsConfig: 'tsconfig.json',
                  index: 'src/index.html',
                },
              },
              serve: {
                builder: '@angular/build:dev-server',
                options: { buildTarget: 'app:build' },
              },
            },
          },
        },
      },
      'tsconfig.json': {
        compilerOptions: {
          target: 'ES2022',
          module: 'preserve',
          moduleResolution: 'bundler',
          experimentalDecorators: true,
          skipLibCheck: true,
          strict: true,
        },
        files: ['src/main.ts'],
      },
      'src/index.html': '<!doctype html><title>It works</title><app-root></app-root>',
      'src/main.ts': [
        "import { Component } from '@angular/core'",
        "import { bootstrapApplication } from '@angular/platform-browser'",
        "@Component({ selector: 'app-root', template: '<p>It works</p>' })",
        'class App {}',
        'bootstrapApplication(App)',
      ].join('\n'),
    },
    dev: 'ng serve',
    serves: 'works',
  },
  {
    name: 'Wrangler',
    packages: ['wrangler'],
    files: {
      'wrangler.toml': 'name = "app"\nmain = "src/index.js"\ncompatibility_date = "2026-01-01"\n',
      'src/index.js': "export default { fetch: () => new Response('It works') }",
    },
    dev: 'wrangler dev',
    serves: 'works',
  },
  {
    name: 'Wrangler, pages',
    packages: ['wrangler'],
    files: { 'public/index.html': PAGE },
    dev: 'wrangler pages dev public --compatibility-date=2026-01-01',
    serves: 'works',
  },
  {
    name: 'Storybook',
    packages: ['storybook', '@storybook/html-vite'],
    files: {
      '.storybook/main.js':
        "export default { framework: '@storybook/html-vite', stories: ['../src/*.stories.js'] }",
      'src/page.stories.js':
        "export default { title: 'Page' }\nexport const Plain = { render: () => 'It works' }",
    },
    dev: 'storybook dev --ci --disable-telemetry',
  },
  {
    name: 'VitePress',
    packages: ['vitepress', 'vue'],
    files: { 'docs/index.md': '# It works' },
    dev: 'vitepress dev docs',
  },
  {
    name: 'webpack-dev-server',
    packages: ['webpack', 'webpack-cli', 'webpack-dev-server'],
    files: { 'src/index.js': 'document.title = "It works"', 'public/index.html': PAGE },
    dev: 'webpack serve --mode development',
    serves: 'works',
  },
  {
    name: 'Rsbuild',
    packages: ['@rsbuild/core'],
    files: { 'src/index.js': 'document.title = "It works"' },
    dev: 'rsbuild dev',
  },
  {
    name: 'Eleventy',
    packages: ['@11ty/eleventy'],
    files: { 'index.md': 'It works' },
    dev: 'eleventy --serve',
    serves: 'works',
  },
  {
    name: 'Docusaurus',
    packages: ['@docusaurus/core', '@docusaurus/preset-classic', 'react', 'react-dom'],
    files: {
      'docusaurus.config.js': `export default {
        title: 'It works', url: 'https://example.com', baseUrl: '/', presets: [['classic', { docs: false, blog: false }]],
      }`,
      'src/pages/index.js': 'export default () => <p>It works</p>',
    },
    dev: 'docusaurus start --no-open',
  },
  {
    name: 'http-server',
    packages: ['http-server'],
    files: { 'public/index.html': PAGE },
    dev: 'http-server public',
    serves: 'works',
  },
  {
    name: 'Parcel',
    packages: ['parcel'],
    files: { 'index.html': PAGE },
    dev: 'parcel index.html',
    serves: 'works',
  },
  {
    name: 'Express',
    packages: ['express'],
    files: {
      'server.js': `require('express')().get('/', (_, answer) => answer.send('It works')).listen(process.env.PORT)`,
    },
    dev: 'node server.js',
    serves: 'works',
  },
]

const DEBIAN: readonly Project[] = [
  {
    name: 'python -m http.server',
    files: { 'index.html': PAGE },
    command: ['/usr/bin/python3', '-m', 'http.server'],
    serves: 'works',
  },
  {
    name: 'Django',
    files: {
      'manage.py': [
        'import os, sys',
        'from django.conf import settings',
        'from django.core.management import execute_from_command_line',
        'from django.http import HttpResponse',
        'from django.urls import path',
        "settings.configure(DEBUG=True, ALLOWED_HOSTS=['*'], ROOT_URLCONF=__name__)",
        "urlpatterns = [path('', lambda request: HttpResponse('It works'))]",
        'execute_from_command_line(sys.argv)',
      ].join('\n'),
    },
    needs: '/usr/bin/django-admin',
    command: ['/usr/bin/python3', 'manage.py', 'runserver', '--noreload'],
    serves: 'works',
  },
  {
    name: 'Flask',
    files: {
      'app.py': [
        'from flask import Flask',
        'app = Flask(__name__)',
        "@app.route('/')",
        'def home():',
        "    return 'It works'",
      ].join('\n'),
    },
    command: ['/usr/bin/flask', '--app', 'app', 'run'],
    serves: 'works',
  },
  {
    name: 'uvicorn',
    files: {
      'app.py': [
        'async def app(scope, receive, send):',
        "    if scope['type'] != 'http': return",
        "    await send({'type': 'http.response.start', 'status': 200})",
        "    await send({'type': 'http.response.body', 'body': b'It works'})",
      ].join('\n'),
    },
    command: ['/usr/bin/uvicorn', 'app:app'],
    serves: 'works',
  },
  {
    name: 'gunicorn',
    files: {
      'app.py': [
        'def app(environ, start_response):',
        "    start_response('200 OK', [('Content-Type', 'text/plain')])",
        "    return [b'It works']",
      ].join('\n'),
    },
    command: ['/usr/bin/gunicorn', 'app:app'],
    serves: 'works',
  },
  {
    name: 'php -S',
    files: { 'index.php': '<?php echo "It works";' },
    command: ['/usr/bin/php', '-S', '127.0.0.1:$PORT'],
    serves: 'works',
  },
  {
    name: 'Hugo',
    files: {
      'hugo.toml': "title = 'It works'\n",
      'layouts/index.html': PAGE,
    },
    command: ['/usr/bin/hugo', 'server'],
    serves: 'works',
  },
]

export const PROJECTS: readonly Project[] = [...NPM, ...DEBIAN]
