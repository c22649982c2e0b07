package nxapi

import (
	"context"
	"errors"

	"trunkline/cli/session"
	"trunkline/feature"
)

// A user who is removed or gets another role does not go on in the old one
// (docs/adr/0020): what he may do was decided when his request came.

// errChanged is why commands of such a user end.
var errChanged = errors.New("the user has been removed or has another role")

// changedText answers commands of his that have not come to their end.
const changedText = "ERROR: The user has been removed or has another role.\n"

// work is a request whose commands run.
type work struct {
	who feature.Identity
	end context.CancelCauseFunc
}

// changed reports whether a user is not who he was when he proved it.
func (s *Server) changed(who feature.Identity) bool {
	now, ok := s.cfg.Auth.Lookup(who.User)
	return !ok || now != who
}

// Review ends the commands of users who have been removed or have another role
// than when their requests came. It is for the caller to call it after each change
// of users, and does not wait.
func (s *Server) Review() {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := map[feature.Identity]bool{}
	for w := range s.works {
		changed, ok := asked[w.who]
		if !ok {
			changed = s.changed(w.who)
			asked[w.who] = changed
		}
		if changed {
			w.end(errChanged)
		}
	}
}

// watch has Review end a context with its user, until left is called; the user has
// been looked at again by then. It reports whether he is who he was.
func (s *Server) watch(ctx context.Context, who feature.Identity) (watched context.Context, left func(), ok bool) {
	ctx, end := context.WithCancelCause(ctx)
	w := &work{who, end}
	s.mu.Lock()
	s.works[w] = true
	s.mu.Unlock()
	left = func() {
		s.mu.Lock()
		delete(s.works, w)
		s.mu.Unlock()
		end(nil)
	}
	if s.changed(who) { // after it has been noted: a commit in between is seen here or by Review
		left()
		return nil, nil, false
	}
	return ctx, left, true
}

// dismissed says why commands ended that Review has ended.
func dismissed(ctx context.Context, answers []session.Answer) {
	if !errors.Is(context.Cause(ctx), errChanged) {
		return
	}
	for i := range answers {
		if a := &answers[i]; a.Cause == session.Late {
			a.Cause, a.Output = session.Refused, []byte(changedText)
		}
	}
}
