// Files encrypted and decrypted by the program sops under keys of KMS.
package sops

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

const text = "user: ann\npassword: hunter2\nports:\n    - 5432\n    - 5433\n"

func client(t *testing.T) *kms.Client {
	t.Helper()
	loaded, err := config.LoadDefaultConfig(context.Background(), config.WithRetryMaxAttempts(1))
	if err != nil {
		t.Fatal(err)
	}
	return kms.NewFromConfig(loaded)
}

// newKey makes a key and says its ARN.
func newKey(t *testing.T) string {
	t.Helper()
	made, err := client(t).CreateKey(context.Background(), &kms.CreateKeyInput{Description: aws.String("for sops")})
	if err != nil {
		t.Fatal(err)
	}
	return *made.KeyMetadata.Arn
}

// run runs sops and gives what it printed on standard output, and on standard error when it failed.
func run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := exec.Command(os.Getenv("SOPS"), arguments...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	var out, said strings.Builder
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		return said.String(), err
	}
	return out.String(), nil
}

func must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := run(t, arguments...)
	if err != nil {
		t.Fatalf("sops %v: %v\n%s", arguments, err, out)
	}
	return out
}

// file writes a file into the test's directory.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// opens holds that the file decrypts to the text.
func opens(t *testing.T, path, wanted string) {
	t.Helper()
	if got := must(t, "decrypt", path); got != wanted {
		t.Fatalf("%s decrypts to %q, not %q", path, got, wanted)
	}
}

// staysClosed holds that the file does not decrypt.
func staysClosed(t *testing.T, path string) {
	t.Helper()
	if out, err := run(t, "decrypt", path); err == nil {
		t.Fatalf("%s was decrypted: %s", path, out)
	}
}

func TestFilesOfEveryForm(t *testing.T) {
	key := newKey(t)
	for name, content := range map[string]string{
		"a.yaml": text,
		"a.json": "{\n\t\"password\": \"hunter2\",\n\t\"ports\": [\n\t\t1,\n\t\t2\n\t]\n}\n",
		"a.env":  "PASSWORD=hunter2\nUSER=ann\n",
		"a.ini":  "[db]\npassword = hunter2\n",
		"a.bin":  "hunter2\x00\xff\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, name, content)
			must(t, "encrypt", "--in-place", "--kms", key, path)
			sealed := read(t, path)
			if strings.Contains(sealed, "hunter2") || !strings.Contains(sealed, key) {
				t.Fatalf("not encrypted: %s", sealed)
			}
			got := must(t, "decrypt", path)
			if strings.TrimSpace(got) != strings.TrimSpace(content) {
				t.Fatalf("decrypts to %q, not %q", got, content)
			}
		})
	}
}

func TestAnAliasAndAnEncryptionContext(t *testing.T) {
	key := newKey(t)
	id := key[strings.LastIndex(key, "/")+1:]
	alias := "alias/sops-" + id
	input := &kms.CreateAliasInput{AliasName: &alias, TargetKeyId: &id}
	if _, err := client(t).CreateAlias(context.Background(), input); err != nil {
		t.Fatal(err)
	}
	path := file(t, "a.yaml", text)
	arn := strings.Replace(key, "key/"+id, alias, 1)
	must(t, "encrypt", "--in-place", "--kms", arn, "--encryption-context", "Environment:test,Role:app", path)
	opens(t, path, text)
	sealed := read(t, path)
	if !strings.Contains(sealed, "Role: app") {
		t.Fatalf("no context in %s", sealed)
	}
	altered := file(t, "b.yaml", strings.Replace(sealed, "Role: app", "Role: web", 1))
	staysClosed(t, altered)
}

func TestFilesOpenWheneverTheirKeyIsEnabled(t *testing.T) {
	key, path := newKey(t), file(t, "a.yaml", text)
	must(t, "encrypt", "--in-place", "--kms", key, path)
	kmsClient, background := client(t), context.Background()
	if _, err := kmsClient.RotateKeyOnDemand(background, &kms.RotateKeyOnDemandInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	opens(t, path, text)
	if _, err := kmsClient.DisableKey(background, &kms.DisableKeyInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	staysClosed(t, path)
	if _, err := kmsClient.EnableKey(background, &kms.EnableKeyInput{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	opens(t, path, text)
}

func TestOfTwoKeysOneIsEnough(t *testing.T) {
	first, second, path := newKey(t), newKey(t), file(t, "a.yaml", text)
	must(t, "encrypt", "--in-place", "--kms", first+","+second, path)
	if _, err := client(t).DisableKey(context.Background(), &kms.DisableKeyInput{KeyId: &first}); err != nil {
		t.Fatal(err)
	}
	opens(t, path, text)
	if _, err := client(t).DisableKey(context.Background(), &kms.DisableKeyInput{KeyId: &second}); err != nil {
		t.Fatal(err)
	}
	staysClosed(t, path)
}

func TestValuesAndKeysChange(t *testing.T) {
	first, second, path := newKey(t), newKey(t), file(t, "a.yaml", text)
	must(t, "encrypt", "--in-place", "--kms", first, path)
	must(t, "set", path, `["password"]`, `"other"`)
	wanted := strings.Replace(text, "hunter2", "other", 1)
	opens(t, path, wanted)
	if got := must(t, "decrypt", "--extract", `["password"]`, path); got != "other" {
		t.Fatalf("extracted %q", got)
	}
	before := read(t, path)
	must(t, "rotate", "--in-place", "--add-kms", second, "--rm-kms", first, path)
	after := read(t, path)
	if strings.Contains(after, first) || !strings.Contains(after, second) || before == after {
		t.Fatalf("the keys did not change: %s", after)
	}
	if _, err := client(t).DisableKey(context.Background(), &kms.DisableKeyInput{KeyId: &first}); err != nil {
		t.Fatal(err)
	}
	opens(t, path, wanted)
}

func TestAnAlteredFileStaysClosed(t *testing.T) {
	path := file(t, "a.yaml", text)
	must(t, "encrypt", "--in-place", "--kms", newKey(t), path)
	lines := strings.Split(read(t, path), "\n")
	for at, line := range lines {
		if before, value, found := strings.Cut(line, "enc: "); found {
			half := len(value) / 2
			swapped := "A"
			if value[half] == 'A' {
				swapped = "B"
			}
			lines[at] = before + "enc: " + value[:half] + swapped + value[half+1:]
		}
	}
	staysClosed(t, file(t, "b.yaml", strings.Join(lines, "\n")))
	opens(t, path, text)
}
