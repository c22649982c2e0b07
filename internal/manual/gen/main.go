// Command gen writes the documents of package manual below a directory, the
// repository.
package main

import (
	"context"
	"fmt"
	"os"

	"trunkline/internal/manual"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen REPOSITORY")
		os.Exit(2)
	}
	all, err := manual.Files(context.Background(), os.Args[1])
	if err == nil {
		err = manual.Write(os.Args[1], all)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
