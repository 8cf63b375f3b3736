// Projects: a repository, who builds it, and what deploys.
import { id, list, object, operation, page, ref, role, text, time } from './shape.mjs';

const tag = 'Projects';

export const schemas = {
  ProjectRow: object({
    id: id('proj', 'Its id.'),
    orgId: id('org', 'Its organization.'),
    name: text('Its name.'),
    repoFullName: text('`owner/repo` on GitHub.'),
    defaultBranch: text('The repository\'s main branch.'),
    description: text('May be empty.'),
    provider: text('The plugin that deploys it; empty = none yet.'),
    role: role('The caller\'s role in it.'),
    createdAt: time('When it was made.'),
  }),
};

export const operations = [
  operation('GET /projects', {
    id: 'listProjects', tag, role: 'user', summary: 'The projects the caller may see, newest first',
    query: page,
    answers: { 200: { description: 'A page of them.', headers: ['Link', 'ETag'], schema: list(ref('ProjectRow')) } },
  }),
];
