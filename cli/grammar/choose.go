package grammar

import "strings"

// choose applies the rules of cli.md §3.2 to the candidates for word i.
func (m *matcher) choose(steps []step, i int) (next []thread, all, ambiguous bool) {
	var exact, short, values []step
	for _, s := range steps {
		switch {
		case s.edge.kind != keyword:
			values = append(values, s)
		case s.exact:
			exact = append(exact, s)
		default:
			short = append(short, s)
		}
	}
	if m.mode == Replayed && len(values) > 0 && len(exact)+len(short) > 0 {
		// Canonical text writes keywords whole.
		keywords := exact
		if len(keywords) == 0 {
			keywords = short
		}
		if ok, _ := m.reaches(keywords, i); !ok {
			if ok, _ := m.reaches(values, i); ok {
				return take(values)
			}
		}
	}
	if len(exact) > 0 {
		return take(exact)
	}
	if len(short) == 0 {
		return take(values)
	}
	var groups [][]step
	for _, s := range short {
		found := false
		for g := range groups {
			if strings.EqualFold(groups[g][0].edge.text, s.edge.text) {
				groups[g], found = append(groups[g], s), true
			}
		}
		if !found {
			groups = append(groups, []step{s})
		}
	}
	if len(groups) == 1 {
		return take(short)
	}
	if i == len(m.toks)-1 {
		return nil, false, true // there is no rest that could decide (cli.md §16, 4)
	}
	// Several keywords: the rest of the line decides, by whether it parses or
	// else by how far it gets.
	best, deepest, tie := -1, -1, false
	for g := range groups {
		ok, depth := m.reaches(groups[g], i)
		if ok {
			depth = len(m.toks) + 1
		}
		switch {
		case depth > deepest:
			best, deepest, tie = g, depth, false
		case depth == deepest:
			tie = true
		}
	}
	if tie {
		return nil, false, true
	}
	return take(groups[best])
}

func take(steps []step) (next []thread, all, ambiguous bool) {
	for _, s := range steps {
		next = append(next, s.to)
		all = all || s.all
	}
	if all { // a value that takes the rest leaves nothing for others
		next = nil
		for _, s := range steps {
			if s.all {
				next = append(next, s.to)
			}
		}
	}
	return next, all, false
}

// reaches reports whether the end of the line can be reached by taking steps
// for word i, and how many words get consumed. Threads that meet are one, which may
// still take the options that either may, or there would be one for each subset.
func (m *matcher) reaches(steps []step, i int) (ok bool, depth int) {
	for {
		var threads []thread
		seen := map[*state]int{}
		for _, s := range steps {
			if s.all {
				if ends(s.to.at) {
					return true, len(m.toks)
				}
				continue
			}
			if n, ok := seen[s.to.at]; ok {
				threads[n].taken &= s.to.taken
				threads[n].given = min(threads[n].given, s.to.given)
				continue
			}
			seen[s.to.at] = len(threads)
			threads = append(threads, s.to)
		}
		if i++; i == len(m.toks) {
			for _, th := range threads {
				if ends(th.at) {
					return true, i
				}
			}
			return false, i
		}
		steps, _ = m.steps(threads, i)
		if len(steps) == 0 {
			return false, i
		}
	}
}

func ends(s *state) bool {
	for _, w := range s.ways {
		if w.edge == nil {
			return true
		}
	}
	return false
}
