// The official caching client over the Go SDK, unmodified.
package clients

import (
	"bytes"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// newCache makes a cache over the shared client, with a time to live in nanoseconds.
func newCache(t *testing.T, ttl int64) *secretcache.Cache {
	t.Helper()
	cache, err := secretcache.New(func(cache *secretcache.Cache) {
		cache.Client = client
		cache.CacheItemTTL = ttl
	})
	must(t, err)
	return cache
}

func cached(t *testing.T, cache *secretcache.Cache, name, stage, want string) {
	t.Helper()
	got, err := cache.GetSecretStringWithStage(name, stage)
	must(t, err)
	equal(t, "cached value of "+stage, got, want)
}

func TestCacheKeepsAValue(t *testing.T) {
	name, made := newSecret(t)
	cache := newCache(t, secretcache.DefaultCacheItemTTL)
	cached(t, cache, name, "AWSCURRENT", "first")
	put(t, name, "second")
	cached(t, cache, name, "AWSCURRENT", "first")
	cached(t, newCache(t, secretcache.DefaultCacheItemTTL), *made.ARN, "AWSCURRENT", "second")
	cache.RefreshNow(name)
	cached(t, cache, name, "AWSCURRENT", "second")
}

func TestCacheFollowsLabels(t *testing.T) {
	name, made := newSecret(t)
	cache := newCache(t, 1)
	second := put(t, name, "second")
	put(t, name, "blue", "BLUE")
	cached(t, cache, name, "AWSCURRENT", "second")
	cached(t, cache, name, "AWSPREVIOUS", "first")
	cached(t, cache, name, "BLUE", "blue")
	_, err := client.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &name, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: made.VersionId, RemoveFromVersionId: &second})
	must(t, err)
	cached(t, cache, name, "AWSCURRENT", "first")
	_, err = cache.GetSecretStringWithStage(name, "NO-SUCH")
	var missing *secretcache.VersionNotFoundError
	if !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
}

func TestCacheOfBinaries(t *testing.T) {
	name, binary := newName(), []byte{0, 255, 128}
	_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretBinary: binary})
	must(t, err)
	cache := newCache(t, 1)
	got, err := cache.GetSecretBinary(name)
	must(t, err)
	if !bytes.Equal(got, binary) {
		t.Errorf("got %v", got)
	}
	if _, err = cache.GetSecretString(name); err == nil {
		t.Error("a binary was read as a string")
	}
}

func TestCacheOfNothing(t *testing.T) {
	_, err := newCache(t, 1).GetSecretString(newName())
	refused(t, err, "ResourceNotFoundException", notFound)
}

func TestCacheWithItsOwnClient(t *testing.T) {
	name, _ := newSecret(t)
	cache, err := secretcache.New()
	must(t, err)
	cached(t, cache, name, "AWSCURRENT", "first")
}
