import http from 'node:http';

/**
 * ClickHouse's HTTP interface, bare: the benchmarks check the engine's answers by another way than its own.
 *
 * @typedef {object} ClickHouseAddress
 * @property {string} url
 * @property {string} username
 * @property {string} password
 * @property {number} pid Process whose CPU is the store's.
 */

/** @param {ClickHouseAddress} address */
export function connectClickHouse(address) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const base = new URL(address.url);

  const headers = { 'X-ClickHouse-User': address.username, 'X-ClickHouse-Key': address.password };

  /**
   * @param {string} sql
   * @param {Iterable<Uint8Array> | undefined} body Data of an INSERT, sent as it is.
   * @param {Record<string, string | number>} settings
   * @returns {Promise<string>}
   */
  const request = (sql, body, settings) =>
    new Promise((resolve, reject) => {
      const params = new URLSearchParams();
      for (const [name, value] of Object.entries(settings)) params.set(name, String(value));
      if (body !== undefined) params.set('query', sql);
      const call = http.request(
        { host: base.hostname, port: base.port, method: 'POST', path: `/?${params}`, agent, headers },
        (response) => {
          /** @type {Buffer[]} */
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode === 200) resolve(text.trimEnd());
            else
              reject(
                new Error(
                  `ClickHouse answered ${response.statusCode} to ${sql.slice(0, 200)}: ${text.slice(0, 1000)}`,
                ),
              );
          });
        },
      );
      call.on('error', reject);
      if (body === undefined) {
        call.end(sql);
        return;
      }
      const parts = [...body];
      call.setHeader(
        'Content-Length',
        parts.reduce((sum, part) => sum + part.length, 0),
      );
      for (const part of parts) call.write(part);
      call.end();
    });

  return {
    ...address,
    /** Text of the reply, TabSeparated unless the statement names a format. @param {string} sql @param {Record<string, string | number>} [settings] */
    query: (sql, settings = {}) => request(sql, undefined, settings),
    /** Rows as objects. @param {string} sql @param {Record<string, string | number>} [settings] @returns {Promise<any[]>} */
    async rows(sql, settings = {}) {
      const text = await request(`${sql} FORMAT JSONEachRow`, undefined, {
        output_format_json_quote_64bit_integers: 1,
        ...settings,
      });
      return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line));
    },
    /** @param {string} sql `INSERT … FORMAT …` @param {Iterable<Uint8Array>} parts @param {Record<string, string | number>} [settings] */
    insert: (sql, parts, settings = {}) => request(sql, parts, settings),
    close: () => agent.destroy(),
  };
}

/** @typedef {ReturnType<typeof connectClickHouse>} ClickHouse */
