package config

import "slices"

// MaxCommits is how many commits are kept with their configuration.
const MaxCommits = 100

// record notes a commit. The commit lock is held.
func (s *Store) record(c Commit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.commits) >= MaxCommits {
		s.commits = slices.Delete(s.commits, 0, len(s.commits)-MaxCommits+1)
	}
	s.commits = append(s.commits, c)
}

// Commits returns the last n commits of this process, newest first, of
// MaxCommits that are kept; config/history knows those before as well.
func (s *Store) Commits(n int) []Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := max(0, len(s.commits)-max(0, n))
	out := slices.Clone(s.commits[from:])
	slices.Reverse(out)
	return out
}
