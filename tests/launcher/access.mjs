/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens from a file and HTTPS, and both read again on SIGHUP. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, temporaryFolder, until } from '../common/launcher.mjs';

const folder = temporaryFolder('access');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const at = (name) => path.join(folder, name);

function fails(words, status, says) {
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), ['run', 'webrtc-to-hls', 'listen=127.0.0.1:0', `output=${folder}/out`, ...words], {
    encoding: 'utf8', timeout: 180000, env: { ...process.env, GST_REGISTRY_1_0: at('registry.bin') },
  });
  assert.equal(r.status, status, r.stderr);
  assert.match(r.stderr, says);
}

async function reload(server, says) {
  const before = server.log.length;
  server.process.kill('SIGHUP');
  await until('it is read again', 5000, () => says.test(server.log.slice(before)));
}

test('--token-file: any of its lines; SIGHUP takes the new ones, and a bad file changes nothing', async () => {
  fs.writeFileSync(at('tokens'), '# publishers\nfirst\n\n  second  \n');
  const server = await Launcher.start('webrtc-to-hls', ['--token-file', at('tokens'), 'token=given', 'ice-servers=turn://u:p@127.0.0.1:3478']);
  const status = async (token) => (await fetch(`${server.url}/whip/a`, { method: 'POST', body: 'x', headers: { Authorization: `Bearer ${token}` } })).status;
  const allowed = async (...tokens) => {
    for (const token of ['first', 'second', 'third', 'given', '# publishers', '#'])
      assert.equal(await status(token), tokens.includes(token) ? 415 : 401, token);
  };
  try {
    await allowed('first', 'second', 'given');
    /* TURN passwords are for those who may publish */
    const options = (headers) => fetch(`${server.url}/whip/a`, { method: 'OPTIONS', headers });
    assert.equal((await options({})).headers.get('link'), null);
    assert.match((await options({ Authorization: 'Bearer second' })).headers.get('link'), /^<turn:127\.0\.0\.1:3478[^>]*>; rel="ice-server"; username="u"/);
    fs.writeFileSync(at('tokens'), 'second\nthird\n');
    await reload(server, /read again/);
    await allowed('second', 'third', 'given');
    for (const bad of ['', '# none\n', '\0']) {
      fs.writeFileSync(at('tokens'), bad);
      await reload(server, /warning: --token-file .*what was read before still holds/);
      await allowed('second', 'third', 'given');
    }
    fs.rmSync(at('tokens'));
    await reload(server, /warning: --token-file .*No such file/);
    await allowed('second', 'third', 'given');
    assert.doesNotMatch(server.log, /third|given/);
  } finally {
    await server.stop();
  }
});

function makeCertificate(name) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)], { stdio: 'ignore' });
}

/** GET over TLS, trusting `name`'s certificate alone. */
function get(url, name) {
  return new Promise((resolve, reject) => {
    https.get(url, { ca: fs.readFileSync(at(`${name}.pem`)), agent: false }, (res) => {
      const subject = res.socket.getPeerCertificate().subject?.CN;
      let body = '';
      res.on('data', (d) => { body += d; });
      res.on('end', () => resolve({ status: res.statusCode, body, subject }));
    }).on('error', reject);
  });
}

test('--tls-cert, --tls-key: HTTPS; SIGHUP takes a new certificate, and a bad one changes nothing', async () => {
  makeCertificate('one');
  makeCertificate('two');
  const use = (name) => {
    fs.copyFileSync(at(`${name}.pem`), at('cert.pem'));
    fs.copyFileSync(at(`${name}.key`), at('cert.key'));
  };
  use('one');
  const server = await Launcher.start('webrtc-to-hls', ['--tls-cert', at('cert.pem'), '--tls-key', at('cert.key')]);
  try {
    assert.match(server.url, /^https:/);
    assert.deepEqual(await get(`${server.url}/healthz`, 'one'), { status: 200, body: 'ok\n', subject: 'one' });
    await assert.rejects(get(`${server.url}/healthz`, 'two'), 'another certificate');
    await assert.rejects(fetch(`${server.url.replace('https', 'http')}/healthz`), 'plain HTTP');
    /* a file that gets shorter while it is sent */
    const file = path.join(server.output, 'cam', 'segment-0.ts');
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, Buffer.alloc(24 * 1024 * 1024, 'x'));
    const [response] = await once(https.get(`${server.url}/hls/cam/segment-0.ts`, { ca: fs.readFileSync(at('one.pem')), agent: false }), 'response');
    response.pause();
    fs.truncateSync(file, 1000);
    let bytes = 0;
    response.on('data', (data) => { bytes += data.length; }).resume();
    await once(response, 'end');
    assert.equal(bytes, 24 * 1024 * 1024);
    use('two');
    await reload(server, /read again/);
    assert.equal((await get(`${server.url}/`, 'two')).subject, 'two');
    const keeps = async (says) => {
      await reload(server, says);
      assert.equal((await get(`${server.url}/`, 'two')).subject, 'two');
    };
    fs.writeFileSync(at('cert.pem'), 'junk');
    await keeps(/warning: --tls-cert .*what was read before still holds/);
    use('one');
    fs.copyFileSync(at('two.key'), at('cert.key'));
    await keeps(/warning: --tls-cert .*the key is not that of the first certificate; what was read before still holds/);
    fs.rmSync(at('cert.pem'));
    execFileSync('mkfifo', [at('cert.pem')]);
    await keeps(/warning: --tls-cert .*no one writes to this pipe; what was read before still holds/);
  } finally {
    await server.stop();
  }
});

test('--tls-cert with certificate and key in one file', async () => {
  makeCertificate('both');
  fs.writeFileSync(at('both-in-one.pem'), fs.readFileSync(at('both.key'), 'utf8') + fs.readFileSync(at('both.pem'), 'utf8'));
  const server = await Launcher.start('webrtc-to-hls', [`--tls-cert=${at('both-in-one.pem')}`]);
  try {
    assert.equal((await get(`${server.url}/healthz`, 'both')).body, 'ok\n');
  } finally {
    await server.stop();
  }
});

test('who does not speak TLS takes no place for good', async () => {
  makeCertificate('place');
  /* with so few descriptors there are 100 places */
  const server = await Launcher.start('webrtc-to-hls', ['--tls-cert', at('place.pem'), '--tls-key', at('place.key')], {},
    { program: ['sh', '-c', 'ulimit -n 200; exec "$0" "$@"', path.join(buildRoot, 'tools/lockstep/lockstep')] });
  try {
    for (let i = 0; i < 150; i++) {
      const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.end('GET / HTTP/1.1\r\n\r\n'));
      socket.on('error', () => {}).resume();
      await new Promise((resolve) => { socket.once('close', resolve); });
    }
    await until('all of them are over', 5000, async () => / 1\n/.test((await get(`${server.url}/metrics`, 'place')).body.match(/^lockstep_http_connections .*\n/m)[0]));
  } finally {
    const how = await server.stop();
    assert.equal(how.code, 0, how.log);
  }
});

test('who sends a request at once is served beside more than there is room for who do not', async () => {
  const server = await Launcher.start('webrtc-to-hls', [], {}, { program: ['sh', '-c', 'ulimit -n 200; exec "$0" "$@"', path.join(buildRoot, 'tools/lockstep/lockstep')] });
  const sockets = [];
  try {
    for (let i = 0; i < 150; i++) {
      const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write('GET /healthz HTTP/1.1\r\n'));
      socket.on('error', () => {}).resume();
      sockets.push(socket);
    }
    const gone = () => sockets.filter((s) => s.closed).length;
    await until('there is no room', 5000, () => gone() >= 50, 20);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  } finally {
    sockets.forEach((s) => s.destroy());
    const how = await server.stop();
    assert.equal(how.code, 0, how.log);
  }
});

test('what is wrong with files and options is said before anything runs', () => {
  fails(['--tls-cert', at('absent.pem')], 78, /--tls-cert .*absent\.pem/);
  fails(['--tls-key', at('one.key')], 64, /--tls-key needs --tls-cert/);
  fails(['--tls-cert', at('one.pem'), '--tls-key', at('two.pem')], 78, /--tls-cert .* --tls-key .*no private key/);
  fails(['--tls-cert', at('one.pem')], 78, /--tls-cert .*no private key .*--tls-key/);
  fails(['--tls-cert', '/dev/zero'], 78, /--tls-cert .*it is a device/);
  fs.truncateSync(at('one.key'), 2 ** 40);
  fails(['--tls-cert', at('one.pem'), '--tls-key', at('one.key')], 78, /one\.key.*it is larger than 1024 KiB/);
  fails(['--token-file', at('absent')], 78, /--token-file .*No such file/);
  fails(['--token-flie', 'x'], 64, /did you mean --token-file\?/);
  fails(['--log-format', 'xml'], 64, /it is text or json/);
  fails(['--log-format'], 64, /--log-format needs a value/);
});

test('who opens connections and says nothing does not take what workers and others need', { timeout: 120000 }, async () => {
  const launcher = path.join(buildRoot, 'tools/lockstep/lockstep');
  const open = async (limits, count, wanted) => {
    const server = await Launcher.start('webrtc-to-hls', [], {}, { program: ['sh', '-c', `ulimit ${limits}; exec "$0" "$@"`, launcher] });
    const held = () => fs.readdirSync(`/proc/${server.pid}/fd`).length;
    const port = Number(new URL(server.url).port);
    const sockets = [];
    let gone = 0;
    try {
      for (let i = 0; i < count; i++) {
        const s = net.connect(port, '127.0.0.1');
        s.on('error', () => {}).on('close', () => { gone++; }).resume();
        sockets.push(s);
      }
      await until(`${limits}: ${wanted}`, 8000, () => wanted(held(), gone), 20);
    } finally {
      sockets.forEach((s) => s.destroy());
      const how = await server.stop();
      assert.equal(how.code, 0, how.log);
    }
  };
  /* as many as a shell's limit allows are taken, and more: it is raised */
  await open('-Sn 100', 300, (held) => held > 300);
  /* a limit that cannot be raised is not used up */
  await open('-n 200', 300, (held, gone) => gone >= 150 && held < 150);
});
