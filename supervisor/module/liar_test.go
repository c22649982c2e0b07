package module

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"trunkline/linecard/api"
)

// TestLiar has a card give every reason to complain, again and again: the log and
// the operator hear of it, but not each time.
func TestLiar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		s := w.session()
		defer s.ticker.Stop()
		var log strings.Builder
		s.m.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		s.handle(s.refresh())
		for i := range 1000 {
			s.handle(&api.FromCard{M: &api.FromCard_Report{Report: &api.Report{Sections: map[string][]byte{"ports": []byte("x")}}}})
			s.handle(&api.FromCard{M: &api.FromCard_Ack{Ack: &api.Ack{Generation: 1, Error: "no", Ports: map[string]string{fmt.Sprint(i): "no"}}}})
			s.handle(&api.FromCard{M: &api.FromCard_Ack{Ack: &api.Ack{Generation: 1}}})
		}
		if n := len(w.names()); n < 3 || n > sayings {
			t.Errorf("%d messages to the operator", n)
		}
		if n := strings.Count(log.String(), "\n"); n < sayings || n > 2*sayings {
			t.Errorf("%d lines of the log", n)
		}
		if n := strings.Count(log.String(), "more happens with this card"); n != 1 {
			t.Errorf("said %d times that there is more", n)
		}
	})
}

// TestSilentCard asks a card that never answers, without a time of the asker's own.
func TestSilentCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		s := w.session()
		defer s.ticker.Stop()
		for range 2 * maxRequests { // one after the other, nothing is left over
			s.out.take()
			if _, err := s.query(t.Context(), "mactable", nil); err == nil || !strings.HasPrefix(err.Error(), "does not answer") {
				t.Fatalf("got %v", err)
			}
		}
		s.reply(&api.Reply{Id: 1, Reply: make([]byte, 1<<20)}) // late
		if len(s.requests) != 0 {
			t.Errorf("%d requests are left", len(s.requests))
		}
	})
}
