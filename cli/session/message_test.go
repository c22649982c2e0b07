package session

import (
	"errors"
	"fmt"
	"testing"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/feature"
)

func TestMessage(t *testing.T) {
	problems := config.Problems{schema.Problem{Text: "ERROR: one."}, schema.Problem{Text: "ERROR: two."}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("no room"), "ERROR: no room"},
		{feature.Error("% Bad"), "% Bad"},
		{problems, "ERROR: one.\nERROR: two."},
		{fmt.Errorf("attach: %w", problems), "ERROR: one.\nERROR: two."},
		{append(config.Problems{problems[0]}, problems...), "ERROR: one.\nERROR: two."},
		{fmt.Errorf("save: %w", config.ErrBusy), config.ErrBusy.Error()},
		{errors.New("ERROR: from afar"), "ERROR: from afar"},
		{errors.New("Warning: careful"), "Warning: careful"},
		{errors.New("Note: so"), "Note: so"},
		{errors.New("% Invalid"), "% Invalid"},
	} {
		if got := message(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
