package supervisor

import (
	"context"
	"errors"
)

// Serve opens a supervisor and runs it, again after each reload, until ctx ends
// or it fails. Opened is told each one before it runs; it may be nil.
func Serve(ctx context.Context, cfg Config, opened func(*Supervisor)) error {
	for {
		s, err := Open(ctx, cfg)
		if err != nil {
			return err
		}
		if opened != nil {
			opened(s)
		}
		if err := s.Run(ctx); !errors.Is(err, ErrReload) {
			return err
		}
		cfg.Reset = "Reset Requested by CLI command reload"
	}
}
