// stack: --fast
// seconds: 60
// Windows of maintenance: when they are open, on clocks that change, and what the API takes and answers.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { api, assertError, get, post } from '../lib/client.mjs';
import { audit, faultyFields, member, organization, person, project } from '../lib/people.mjs';
import { one, run } from '../lib/sql.mjs';

let owner, org, p;

before(async () => {
  owner = await person('owner');
  org = await organization(owner);
  p = await project(org, owner);
});

// ---- when they are open: instants that are written down here, in UTC ----

const weekly = (days, time, minutes, zone = 'Europe/Berlin') => `null, null, '{${days}}', '${time}', ${minutes}, '${zone}'`;
const once = (from, to) => `'${from}', '${to}', null, null, null, null`;

// [instant, open?, next opening]; the windows are rows of a transaction that is taken back.
function assertOpen(window, checkIds, instants, checked = 'check_a') {
  for (const [at, open, next] of instants) {
    const got = run(`begin;
      insert into maintenance_windows (id, project_id, name, check_ids, starts_at, ends_at, weekdays, start_time, duration_min, time_zone)
        values ('window_t', '${p.id}', 'W', ${checkIds}, ${window});
      set local timezone to 'Asia/Kolkata';
      select maintenance_open('${checked}', '${p.id}', '${at}')::text || ' ' || coalesce(to_char(maintenance_next(w, '${at}') at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'never') from maintenance_windows w where id = 'window_t';
      rollback;`);
    const [isOpen, isNext] = got.split(' ');
    assert.equal(isOpen, String(open), `${window} at ${at}`);
    if (next) assert.equal(isNext, next, `${window}: after ${at}`);
  }
}

test('once: from its beginning up to its end, which is not in it', () => {
  assertOpen(once('2026-05-01T10:00:00Z', '2026-05-01T11:00:00Z'), 'null', [
    ['2026-05-01T09:59:59.999Z', false, '2026-05-01T10:00:00Z'], ['2026-05-01T10:00:00Z', true, 'never'],
    ['2026-05-01T10:59:59.999Z', true, 'never'], ['2026-05-01T11:00:00Z', false, 'never']]);
});

test('weekly: on the clock of its zone, in winter and in summer', () => {
  assertOpen(weekly(7, '02:30', 60), 'null', [
    ['2026-01-04T01:29:59Z', false, '2026-01-04T01:30:00Z'], ['2026-01-04T01:30:00Z', true, '2026-01-11T01:30:00Z'], ['2026-01-04T02:30:00Z', false],
    ['2026-07-05T00:29:59Z', false, '2026-07-05T00:30:00Z'], ['2026-07-05T00:30:00Z', true, '2026-07-12T00:30:00Z'], ['2026-07-05T01:30:00Z', false]]);
});

test('the hour that the clock skips begins later, the one that comes twice counts the second time', () => {
  assertOpen(weekly(7, '02:30', 60), 'null', [
    ['2026-03-29T00:30:00Z', false, '2026-03-29T01:30:00Z'], ['2026-03-29T01:29:59Z', false], ['2026-03-29T01:30:00Z', true, '2026-04-05T00:30:00Z'],
    ['2026-03-29T02:29:59Z', true], ['2026-03-29T02:30:00Z', false],
    ['2026-10-25T00:30:00Z', false, '2026-10-25T01:30:00Z'], ['2026-10-25T01:29:59Z', false], ['2026-10-25T01:30:00Z', true, '2026-11-01T01:30:00Z'],
    ['2026-10-25T02:29:59Z', true], ['2026-10-25T02:30:00Z', false]]);
});

test('a window over the change of the clock lasts as many minutes as it says', () => {
  assertOpen(weekly(6, '23:00', 300), 'null', [
    ['2026-03-28T21:59:59Z', false], ['2026-03-28T22:00:00Z', true, '2026-04-04T21:00:00Z'], ['2026-03-29T02:59:59Z', true], ['2026-03-29T03:00:00Z', false],
    ['2026-10-24T20:59:59Z', false], ['2026-10-24T21:00:00Z', true, '2026-10-31T22:00:00Z'], ['2026-10-25T01:59:59Z', true], ['2026-10-25T02:00:00Z', false]]);
});

test('over midnight, the end of the week, and nearly all of it', () => {
  assertOpen(weekly('3,7', '23:30', 120), 'null', [
    ['2026-07-05T21:29:59Z', false, '2026-07-05T21:30:00Z'], ['2026-07-05T22:00:00Z', true, '2026-07-08T21:30:00Z'], ['2026-07-05T23:29:59Z', true], ['2026-07-05T23:30:00Z', false],
    ['2026-07-08T23:00:00Z', true, '2026-07-12T21:30:00Z'], ['2026-07-07T23:00:00Z', false]]);
  assertOpen(weekly(1, '00:00', 10079), 'null', [
    ['2026-07-05T21:58:59Z', true], ['2026-07-05T21:59:00Z', false], ['2026-07-05T21:59:59Z', false, '2026-07-05T22:00:00Z'], ['2026-07-05T22:00:00Z', true]]);
  assertOpen(weekly('1,2,3,4,5,6,7', '00:00', 1440), 'null', [ // the day of 25 hours has one more than its window
    ['2026-03-29T12:00:00Z', true], ['2026-03-29T22:30:00Z', true], ['2026-10-25T21:59:59Z', true], ['2026-10-25T22:00:00Z', false], ['2026-10-25T23:00:00Z', true]]);
});

test('zones on the other side of the date line', () => {
  assertOpen(weekly(1, '00:30', 60, 'Pacific/Kiritimati'), 'null', [
    ['2026-07-05T10:29:59Z', false, '2026-07-05T10:30:00Z'], ['2026-07-05T10:30:00Z', true, '2026-07-12T10:30:00Z'], ['2026-07-05T11:30:00Z', false]]);
  assertOpen(weekly(7, '23:30', 60, 'Pacific/Pago_Pago'), 'null', [
    ['2026-07-06T10:29:59Z', false, '2026-07-06T10:30:00Z'], ['2026-07-06T10:30:00Z', true, '2026-07-13T10:30:00Z'], ['2026-07-06T11:30:00Z', false]]);
});

test('only the checks that it names; a zone that the server has lost stops nothing', () => {
  const window = once('2026-05-01T10:00:00Z', '2026-05-01T11:00:00Z'), at = [['2026-05-01T10:30:00Z', true]];
  assertOpen(window, "'{check_a,check_b}'", at, 'check_b');
  assertOpen(window, "'{check_a,check_b}'", [['2026-05-01T10:30:00Z', false]], 'check_c');
  assertOpen(window, 'null', at, 'check_c');
  assertOpen(weekly(7, '02:30', 60, 'Nowhere/Lost'), 'null', [['2026-07-05T00:30:00Z', false, 'never']]);
});

test('ids that the database makes are ids, in the order of time', () => {
  const { first, second, ms } = one("select id_new('check_') as first, id_new('check_') as second, (extract(epoch from now()) * 1000)::bigint as ms");
  for (const id of [first, second]) assert.match(id, /^check_[0-9a-hjkmnp-tv-z]{26}$/);
  assert.notEqual(first, second);
  const time = [...first.slice(6, 16)].reduce((n, c) => n * 32 + '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(c), 0);
  assert.ok(Math.abs(time - ms) < 5000, `${time} is not ${ms}`);
});

// ---- the API ----

const token = () => ({ token: owner.token });
const at = (path = '') => `/projects/${p.id}/maintenance-windows${path}`;
const create = (body) => post(at(), { ...token(), body: { name: 'Window', ...body } });
const made = async (body) => {
  const answer = await create(body);
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const patch = (window, body) => api('PATCH', at(`/${window.id}`), { ...token(), body });
const soon = (hours) => new Date(Date.now() + hours * 3600_000).toISOString();
const sunday = { weekdays: ['SUN'], startTime: '02:30', durationMin: 60, timeZone: 'Europe/Berlin' };
const check = async () => (await post(`/projects/${p.id}/health-checks`, { ...token(), body: { name: 'x', url: 'https://a.example/' } })).json;

test('windows are made, shown, changed and deleted; all of it is in the audit', async () => {
  const answer = await create({ weekly: { ...sunday, weekdays: ['sun', 3, 'WED'] } });
  assert.equal(answer.status, 201, answer.text);
  const { id, createdAt, updatedAt, nextStart, isOpen, ...fields } = answer.json;
  assert.match(id, /^window_/);
  assert.deepEqual(fields, { name: 'Window', checkIds: null, once: null, weekly: { ...sunday, weekdays: [3, 7] } });
  assert.ok(Date.parse(nextStart) > Date.now() && Date.parse(nextStart) < Date.now() + 7 * 86400_000);
  assert.deepEqual((await get(answer.headers.get('location'), token())).json, answer.json);

  const mine = await check(), start = soon(-1), end = soon(1);
  const once = await patch(answer.json, { once: { startsAt: start, endsAt: end }, checkIds: [mine.id] });
  assert.equal(once.status, 200, once.text);
  assert.deepEqual([once.json.once, once.json.weekly, once.json.checkIds, once.json.isOpen, once.json.nextStart], [{ startsAt: start, endsAt: end }, null, [mine.id], true, null]);
  const show = async (c) => (await get(`/health-checks/${c.id}`, token())).json.inMaintenance;
  const other = await check();
  assert.deepEqual([await show(mine), await show(other)], [true, false]);
  assert.equal((await patch(answer.json, { checkIds: null })).json.checkIds, null);
  assert.equal(await show(other), true);
  assert.equal((await patch(answer.json, { name: 'Renamed', checkIds: [mine.id] })).json.once.endsAt, end, 'what is absent stays');
  await api('DELETE', `/health-checks/${mine.id}`, token());
  assert.deepEqual((await get(at(`/${id}`), token())).json.checkIds, [], 'for no check, not for all, when its only one is gone');
  assert.equal(await show(other), false);
  assert.equal((await api('DELETE', at(`/${id}`), token())).status, 204);
  assertError(await get(at(`/${id}`), token()), 404, 'NotFoundError');
  assert.deepEqual(audit(org).filter((row) => row.target_id === id).map((row) => row.action), ['maintenance.add', ...Array(3).fill('maintenance.change'), 'maintenance.remove']);
});

test('faults of windows, by their fields', async () => {
  const range = (startsAt, endsAt) => ({ once: { startsAt, endsAt } }), week = (more) => ({ weekly: { ...sunday, ...more } });
  const cases = [[{}, 'once'],  [{ once: 'x' }, 'once'], [{ weekly: [] }, 'weekly'], [{ once: null, weekly: null }, 'once'],
    [range('2026-02-30T10:00:00Z', soon(2)), 'once.startsAt'], [range(soon(1), '2027-13-01T00:00:00Z'), 'once.endsAt'], [range('2027-02-29T00:00:00Z', '2027-03-01T00:00:00Z'), 'once.startsAt'],
    [range('2027-04-31T00:00:00Z', '2027-05-01T00:00:00Z'), 'once.startsAt'], [range('2027-05-01', '2027-05-02T00:00:00Z'), 'once.startsAt'], [range('2027-05-01T24:00:00Z', '2027-05-02T00:00:00Z'), 'once.startsAt'],
    [range('2027-05-01T10:00:00', '2027-05-02T00:00:00Z'), 'once.startsAt'], [range(soon(2), soon(1)), 'once.endsAt'], [range(soon(1), soon(367 * 24)), 'once.endsAt'], [range(soon(-2), soon(-1)), 'once.endsAt'],
    [range(soon(1), '1970-01-01T00:00:00Z'), 'once.endsAt'], [range('1970-01-01T00:00:00Z', soon(1)), 'once.endsAt'], [range('1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z'), 'once.endsAt'],
    [{ once: { startsAt: soon(1) } }, 'once.endsAt'], [{ once: { startsAt: soon(1), endsAt: soon(2), zone: 'x' } }, 'once.zone'],
    [week({ weekdays: [] }), 'weekly.weekdays'], [week({ weekdays: [0] }), 'weekly.weekdays'], [week({ weekdays: [8] }), 'weekly.weekdays'], [week({ weekdays: ['SO'] }), 'weekly.weekdays'],
    [week({ weekdays: 'SUN' }), 'weekly.weekdays'], [week({ weekdays: [1, 2, 3, 4, 5, 6, 7, 1] }), 'weekly.weekdays'], [week({ startTime: '24:00' }), 'weekly.startTime'], [week({ startTime: '2:30' }), 'weekly.startTime'],
    [week({ startTime: '02:60' }), 'weekly.startTime'], [week({ startTime: '02:30:00' }), 'weekly.startTime'], [week({ startTime: '-1:30' }), 'weekly.startTime'], [week({ durationMin: 0 }), 'weekly.durationMin'],
    [week({ durationMin: 10080 }), 'weekly.durationMin'], [week({ durationMin: 1.5 }), 'weekly.durationMin'], [week({ timeZone: 'Europe/Nowhere' }), 'weekly.timeZone'], [week({ timeZone: 'CET-1' }), 'weekly.timeZone'],
    [week({ timeZone: 'right/Europe/Berlin' }), 'weekly.timeZone'], [week({ timeZone: "x'/y" }), 'weekly.timeZone'], [week({ timeZone: 3 }), 'weekly.timeZone'],
    [{ ...week(), checkIds: [] }, 'checkIds'], [{ ...week(), checkIds: ['x'] }, 'checkIds'], [{ ...week(), checkIds: ['check_00000000000000000000000000'] }, 'checkIds'],
    [{ ...week(), checkIds: 'all' }, 'checkIds'], [{ ...week(), name: ' ' }, 'name']];
  for (const [body, field] of cases) {
    const answer = await create(body);
    assertError(answer, 422, 'ValidationError');
    assert.deepEqual(faultyFields(answer), [field], `${JSON.stringify(body)}: ${answer.text}`);
  }
  const window = await made({ weekly: sunday });
  for (const [body, field] of [...cases.slice(1), [{ colour: 1 }, 'colour']].filter(([body]) => Object.keys(body).length)) assert.deepEqual(faultyFields(await patch(window, body)), [field], JSON.stringify(body));
  assert.deepEqual((await get(at(`/${window.id}`), token())).json, window, 'no fault has changed it');
  assert.equal((await made({ weekly: { weekdays: [1], startTime: '00:00', durationMin: 1 } })).weekly.timeZone, 'UTC');
});

test('both at once, which no window is', async () => {
  assert.deepEqual(faultyFields(await create({ weekly: sunday, once: { startsAt: soon(1), endsAt: soon(2) } })), ['once', 'weekly']);
});

test('who may, and how many', async () => {
  const viewer = await member(org, owner, 'VIEWER'), window = await made({ weekly: sunday });
  assert.equal((await get(at(), { token: viewer.token })).status, 200);
  assertError(await post(at(), { token: viewer.token, body: { name: 'x', weekly: sunday } }), 403, 'ForbiddenError');
  assertError(await api('DELETE', `/projects/${(await project(org, owner)).id}/maintenance-windows/${window.id}`, token()), 404, 'NotFoundError');
  run(`insert into maintenance_windows (id, project_id, name, starts_at, ends_at)
    select id_new('window_'), '${p.id}', 'w', now(), now() + interval '1 hour' from generate_series(1, 100 - (select count(*)::int from maintenance_windows where project_id = '${p.id}'))`);
  const answer = await create({ weekly: sunday });
  assertError(answer, 409, 'ConflictError');
  assert.equal((await get(at(), token())).json.length, 100);
});
