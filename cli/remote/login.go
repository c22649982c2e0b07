package remote

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"trunkline/feature"
)

// login is one session being served.
type login struct {
	feature.Login
	cancel  context.CancelFunc
	conn    io.Writer // where notices go, nil until the session has begun
	monitor monitor
	active  atomic.Int64 // when the operator was last seen, in ns since 1970
}

func (l *login) touch() { l.active.Store(time.Now().UnixNano()) }

func (l *login) idle(now time.Time) time.Duration {
	return max(0, now.Sub(time.Unix(0, l.active.Load())))
}

// enter counts a session in and completes who; leave counts it out.
func (s *Server) enter(who *feature.Session, cancel context.CancelFunc) (*login, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, ErrStopped
	}
	if s.logins == nil {
		s.logins = map[uint64]*login{}
	}
	line := who.From
	if who.Address != "" {
		line = s.freeLine()
		who.TTY, who.From = "/dev/"+line, who.Address+"@"+line
	}
	s.last++
	who.Login = s.last
	l := &login{cancel: cancel, Login: feature.Login{
		ID: s.last, User: who.User, Line: line, Role: who.Role, Address: who.Address, PID: who.PID, Since: time.Now(),
	}}
	l.touch()
	s.logins[s.last] = l
	s.serving.Add(1)
	return l, nil
}

// pts begins the names of lines.
const pts = "pts/"

// freeLine is the lowest line that nobody has, counted from 1.
func (s *Server) freeLine() string {
	taken := map[string]bool{}
	for _, l := range s.logins {
		taken[l.Line] = true
	}
	n := 1
	for taken[pts+strconv.Itoa(n)] {
		n++
	}
	return fmt.Sprint(pts, n)
}

func (s *Server) leave(l *login) {
	s.mu.Lock()
	delete(s.logins, l.ID)
	l.monitor.end()
	s.mu.Unlock()
	l.monitor.showing.Wait()
	s.serving.Done()
}

// Logins returns the sessions being served: consoles, then lines by number.
func (s *Server) Logins() []feature.Login {
	now := time.Now()
	s.mu.Lock()
	all := make([]feature.Login, 0, len(s.logins))
	for _, l := range s.logins {
		v := l.Login
		v.Idle = l.idle(now)
		all = append(all, v)
	}
	s.mu.Unlock()
	number := func(l feature.Login) int {
		n, err := strconv.Atoi(strings.TrimPrefix(l.Line, pts))
		if err != nil {
			return 0
		}
		return n
	}
	slices.SortFunc(all, func(a, b feature.Login) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Disconnect ends the session of a login and reports whether there was one.
func (s *Server) Disconnect(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logins[id]
	if l != nil {
		l.cancel()
	}
	return l != nil
}
