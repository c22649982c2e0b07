package session

import (
	"fmt"
	"io"
	"strings"
)

// Two styles of printing differences (cli.md §7.2).
const (
	contextStyle = iota
	unifiedStyle
)

const contextLines = 3

// run is a stretch of lines that differs: old[a0:a1] became new[b0:b1].
type run struct{ a0, a1, b0, b1 int }

// maxEffort bounds the search for the shortest difference; beyond it the rest
// is one run.
const maxEffort = 2000

// runs compares two texts by Myers' greedy algorithm on what differs between
// common beginning and end.
func runs(a, b []string) []run {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	var all []run
	add := func(r run) {
		if n := len(all); n > 0 && all[n-1].a1 == r.a0 && all[n-1].b1 == r.b0 {
			all[n-1].a1, all[n-1].b1 = r.a1, r.b1
			return
		}
		all = append(all, r)
	}
	for _, s := range script(a, b) {
		add(run{s.a0 + head, s.a1 + head, s.b0 + head, s.b1 + head})
	}
	return all
}

// script returns single insertions and deletions in order.
func script(a, b []string) []run {
	n, m := len(a), len(b)
	limit := min(n+m, maxEffort)
	v := make([]int, 2*limit+2)
	var trace [][]int
	for d := 0; d <= limit; d++ {
		trace = append(trace, append([]int(nil), v[limit-d:limit+d+2]...))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && v[limit+k-1] < v[limit+k+1] {
				x = v[limit+k+1]
			} else {
				x = v[limit+k-1] + 1
			}
			for x < n && x-k < m && a[x] == b[x-k] {
				x++
			}
			v[limit+k] = x
			if x >= n && x-k >= m {
				return backtrack(trace, n, m)
			}
		}
	}
	return []run{{0, n, 0, m}}
}

func backtrack(trace [][]int, x, y int) []run {
	var reversed []run
	for d := len(trace) - 1; d > 0; d-- {
		at := func(k int) int { return trace[d][k+d] } // of v as it was before round d
		k := x - y
		down := k == -d || k != d && at(k-1) < at(k+1)
		if down {
			px := at(k + 1)
			py := px - (k + 1)
			reversed = append(reversed, run{px, px, py, py + 1})
			x, y = px, py
		} else {
			px := at(k - 1)
			py := px - (k - 1)
			reversed = append(reversed, run{px, px + 1, py, py})
			x, y = px, py
		}
	}
	all := make([]run, 0, len(reversed))
	for i := len(reversed) - 1; i >= 0; i-- {
		all = append(all, reversed[i])
	}
	return all
}

// writeDiff prints how a became b; nothing if they are equal.
func writeDiff(w io.Writer, style int, nameA, nameB string, a, b []string) error {
	all := runs(a, b)
	if len(all) == 0 {
		return nil
	}
	var out strings.Builder
	if style == contextStyle {
		fmt.Fprintf(&out, "*** %s\n--- %s\n", nameA, nameB)
	} else {
		fmt.Fprintf(&out, "--- %s\n+++ %s\n", nameA, nameB)
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].a0-all[n-1].a1 <= 2*contextLines {
			n++
		}
		hunk := all[:n]
		all = all[n:]
		first, last := hunk[0], hunk[n-1]
		a0, a1 := max(0, first.a0-contextLines), min(len(a), last.a1+contextLines)
		b0, b1 := max(0, first.b0-contextLines), min(len(b), last.b1+contextLines)
		if style == contextStyle {
			contextHunk(&out, hunk, a, b, a0, a1, b0, b1)
		} else {
			unifiedHunk(&out, hunk, a, b, a0, a1, b0, b1)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func contextHunk(out *strings.Builder, hunk []run, a, b []string, a0, a1, b0, b1 int) {
	removed, added := false, false
	for _, r := range hunk {
		removed = removed || r.a1 > r.a0
		added = added || r.b1 > r.b0
	}
	fmt.Fprintf(out, "***************\n*** %s ****\n", span(a0, a1, ","))
	if removed {
		side(out, hunk, a, a0, a1, func(r run) (int, int, string) { return r.a0, r.a1, mark(r, "- ") })
	}
	fmt.Fprintf(out, "--- %s ----\n", span(b0, b1, ","))
	if added {
		side(out, hunk, b, b0, b1, func(r run) (int, int, string) { return r.b0, r.b1, mark(r, "+ ") })
	}
}

// mark is "! " for lines that changed rather than came or went.
func mark(r run, alone string) string {
	if r.a1 > r.a0 && r.b1 > r.b0 {
		return "! "
	}
	return alone
}

func side(out *strings.Builder, hunk []run, lines []string, from, to int, of func(run) (int, int, string)) {
	for i := from; i < to; i++ {
		prefix := "  "
		for _, r := range hunk {
			if lo, hi, m := of(r); i >= lo && i < hi {
				prefix = m
			}
		}
		out.WriteString(prefix + lines[i] + "\n")
	}
}

func span(from, to int, sep string) string {
	if to-from <= 1 {
		return fmt.Sprint(to)
	}
	return fmt.Sprintf("%d%s%d", from+1, sep, to)
}

func unifiedHunk(out *strings.Builder, hunk []run, a, b []string, a0, a1, b0, b1 int) {
	count := func(from, to int) string {
		switch to - from {
		case 0:
			return fmt.Sprintf("%d,0", from)
		case 1:
			return fmt.Sprint(from + 1)
		}
		return fmt.Sprintf("%d,%d", from+1, to-from)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", count(a0, a1), count(b0, b1))
	at := a0
	for _, r := range hunk {
		for ; at < r.a0; at++ {
			out.WriteString(" " + a[at] + "\n")
		}
		for ; at < r.a1; at++ {
			out.WriteString("-" + a[at] + "\n")
		}
		for i := r.b0; i < r.b1; i++ {
			out.WriteString("+" + b[i] + "\n")
		}
	}
	for ; at < a1; at++ {
		out.WriteString(" " + a[at] + "\n")
	}
}
