// stack: --fast
// seconds: 60
// Windows of maintenance: when they are open, on clocks that change, and what the API takes and answers.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { organization, person, project } from '../lib/people.mjs';
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
