package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"trunkline/config"
	"trunkline/config/schema"
)

// commit applies a change as one transaction: all of it, or where entries of a
// range are refused, the rest. Messages for those are added to the change.
func (r *request) commit(ctx context.Context, candidate *config.Candidate, ch *change) error {
	all := slices.Concat(ch.edits...)
	if len(all) == 0 {
		return nil
	}
	fresh := candidate.Clone()
	err := r.transaction(ctx, candidate, all)
	var refused config.Problems
	if !errors.As(err, &refused) || len(ch.edits)+len(ch.refused) == 1 {
		return err
	}
	p := partial{request: r, change: ch, candidate: fresh, refusals: map[int][]schema.Problem{}}
	if err := p.grow(ctx, refused); err != nil {
		return err
	}
	if err = r.transaction(ctx, p.candidate, nil); errors.As(err, &refused) {
		// Every part was accepted on top of what ran then: something else
		// runs now.
		return fmt.Errorf("%w: %w", config.ErrConflict, err)
	}
	for i := range ch.edits {
		for _, problem := range p.refusals[i] {
			ch.refused = append(ch.refused, entryName(ch.at[i])+": "+problem.Text)
		}
	}
	return err
}

// partial finds the entries of a refused change that can be made.
type partial struct {
	*request
	change    *change
	candidate *config.Candidate // with those found so far
	refusals  map[int][]schema.Problem
}

// grow fills candidate and refusals from the problems of the whole change. A
// check looks at the whole configuration, so thousands of entries must not take
// one each:
//
//   - entries that no problem is about are tried together before the others;
//   - else several are tried in turn: half as many after a refusal, twice as
//     many after none;
//   - when one is refused by itself, then so are those after it of which a trial
//     of all of them, on top of the same, said what it now says of this one.
func (p *partial) grow(ctx context.Context, refused []schema.Problem) error {
	// widest sorts the problems of the widest trial on top of the candidate.
	widest := p.blame(refused)
	var order, blamed []int
	for i := range p.change.edits {
		if len(widest[i]) > 0 {
			blamed = append(blamed, i)
		} else {
			order = append(order, i)
		}
	}
	if problems, next := p.try(order); len(problems) == 0 {
		p.candidate, order, widest = next, blamed, nil
	} else {
		order = append(order, blamed...)
		slices.Sort(order)
	}
	for n := len(order); len(order) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n = min(n, len(order))
		problems, next := p.try(order[:n])
		switch {
		case len(problems) == 0:
			p.candidate, order, n, widest = next, order[n:], 2*n, nil
		case n > 1:
			about := p.blame(problems)
			if widest == nil {
				widest = about
			}
			if n /= 2; len(about[order[0]]) > 0 {
				n = 1
			}
		default:
			p.refusals[order[0]] = problems
			for order = order[1:]; len(order) > 0 && alike(widest[order[0]], problems); order = order[1:] {
				p.refusals[order[0]] = widest[order[0]]
				n = len(order)
			}
			widest = nil
		}
	}
	return nil
}

// try returns what would refuse the edits of some entries on top of the
// candidate, and the candidate with them.
func (p *partial) try(entries []int) ([]schema.Problem, *config.Candidate) {
	var edits []config.Edit
	for _, i := range entries {
		edits = append(edits, p.change.edits[i]...)
	}
	next := p.candidate.Clone()
	var refused config.Problems
	if err := next.Apply(edits...); errors.As(err, &refused) {
		return refused, nil
	}
	problems := p.cli.product.Store.Check(next)
	return slices.DeleteFunc(problems, func(p schema.Problem) bool { return p.Severity != schema.Error }), next
}

// blame sorts problems by the entries of the change that they are about, by
// index. A problem of something else is about none.
func (p *partial) blame(problems []schema.Problem) map[int][]schema.Problem {
	index := make(map[string]int, len(p.change.at))
	for i, at := range p.change.at {
		index[at.String()] = i
	}
	about := map[int][]schema.Problem{}
	for _, problem := range problems {
		for at := problem.Path; len(at) > 0; at = at.Parent() {
			if i, ok := index[at.String()]; ok {
				about[i] = append(about[i], problem)
				break
			}
		}
	}
	return about
}

// alike reports whether all problems of one entry break rules that those of
// another do.
func alike(of, other []schema.Problem) bool {
	return len(of) > 0 && !slices.ContainsFunc(of, func(p schema.Problem) bool {
		return p.Rule == "" || !slices.ContainsFunc(other, func(q schema.Problem) bool { return q.Rule == p.Rule })
	})
}

// transaction commits edits and prints the remarks of an accepted one.
func (r *request) transaction(ctx context.Context, candidate *config.Candidate, edits []config.Edit) error {
	if err := candidate.Apply(edits...); err != nil {
		return err
	}
	meta := config.Meta{User: r.opts.Who.User, From: r.opts.Who.From, Line: r.line}
	if err := r.saveClosing(ctx, candidate, meta); err != nil {
		return err
	}
	result, err := r.cli.product.Store.Commit(ctx, candidate, meta)
	if err != nil {
		return err
	}
	for _, p := range result.Remarks {
		io.WriteString(r.console, p.Text+"\n")
	}
	return nil
}
