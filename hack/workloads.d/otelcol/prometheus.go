package main

// Own stand-in for contrib's prometheus receiver, which Debian does not have: same type name and keys (`config`,
// `target_allocator` with what an HTTP client takes, `interval`, `collector_id` and `http_sd_config`). What it is made of
// is real: Prometheus' own reading of configurations, http_sd, relabelling and scraping, and the collector's own HTTP
// client with its TLS. Every sample is passed on as a gauge; types, histograms and stale markers are not. Not
// contrib's code.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	_ "github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"gopkg.in/yaml.v3"
)

type prometheusConfig struct {
	Config    map[string]any   `mapstructure:"config"`
	Allocator *allocatorConfig `mapstructure:"target_allocator"`
}

type allocatorConfig struct {
	confighttp.ClientConfig `mapstructure:",squash"`
	Interval                time.Duration  `mapstructure:"interval"`
	CollectorID             string         `mapstructure:"collector_id"`
	Discovery               map[string]any `mapstructure:"http_sd_config"`
}

func (c *prometheusConfig) Validate() error {
	if c.Allocator == nil {
		if len(c.Config) == 0 {
			return errors.New("neither config nor target_allocator is given")
		}
		return nil
	}
	if c.Allocator.CollectorID == "" || strings.Contains(c.Allocator.CollectorID, "${") {
		return errors.New("target_allocator: collector_id is empty or a variable that is not set")
	}
	if c.Allocator.Interval <= 0 {
		return errors.New("target_allocator: interval is not positive")
	}
	return nil
}

type scraper struct {
	cfg    *prometheusConfig
	set    receiver.Settings
	next   consumer.Metrics
	log    *slog.Logger
	found  *discovery.Manager
	scrape *scrape.Manager
	client *http.Client
	last   string
	cancel context.CancelFunc
}

func (s *scraper) Start(ctx context.Context, host component.Host) error {
	run, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.log = slog.New(zapslog.NewHandler(s.set.Logger.Core()))
	registry := prometheus.NewRegistry()
	metrics, err := discovery.CreateAndRegisterSDMetrics(registry)
	if err != nil {
		return err
	}
	s.found = discovery.NewManager(run, s.log, registry, metrics, discovery.Updatert(100*time.Millisecond))
	if s.found == nil {
		return errors.New("no discovery")
	}
	s.scrape, err = scrape.NewManager(&scrape.Options{DiscoveryReloadInterval: model.Duration(time.Second)}, s.log, nil, s, registry)
	if err != nil {
		return err
	}
	if a := s.cfg.Allocator; a != nil {
		if s.client, err = a.ToClient(ctx, host.GetExtensions(), s.set.TelemetrySettings); err != nil {
			return err
		}
	} else if err := s.use(s.cfg.Config); err != nil {
		return err
	}
	go func() { _ = s.found.Run() }()
	go func() { _ = s.scrape.Run(s.found.SyncCh()) }()
	if s.client != nil {
		go s.follow(run)
	}
	return nil
}

func (s *scraper) Shutdown(context.Context) error {
	if s.cancel != nil {
		s.cancel()
	}
	if s.scrape != nil {
		s.scrape.Stop()
	}
	return nil
}

// follow asks the allocator for its jobs, again and again; what does not answer changes nothing.
func (s *scraper) follow(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.Allocator.Interval)
	defer ticker.Stop()
	for {
		if err := s.ask(ctx); err != nil && ctx.Err() == nil {
			s.set.Logger.Error("asking the target allocator failed", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *scraper) ask(ctx context.Context) error {
	a := s.cfg.Allocator
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Endpoint+"/scrape_configs", nil)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("/scrape_configs: %s", answer.Status)
	}
	if string(body) == s.last {
		return nil
	}
	// Rules of the Prometheus operator's resources keep the shard's own part: here there is one.
	shard := os.Getenv("SHARD")
	if shard == "" {
		shard = "0"
	}
	var jobs map[string]map[string]any
	if err := json.Unmarshal(bytes.ReplaceAll(body, []byte("$(SHARD)"), []byte(shard)), &jobs); err != nil {
		return err
	}
	list := []any{}
	for name, job := range jobs {
		for key := range job {
			if key == "static_configs" || strings.HasSuffix(key, "_sd_configs") {
				delete(job, key)
			}
		}
		if _, given := job["fallback_scrape_protocol"]; !given {
			job["fallback_scrape_protocol"] = "PrometheusText0.0.4"
		}
		job["http_sd_configs"] = []any{s.discovery(name)}
		list = append(list, job)
	}
	whole := map[string]any{"scrape_configs": list}
	for key, part := range s.cfg.Config {
		if key != "scrape_configs" {
			whole[key] = part
		}
	}
	if err := s.use(whole); err != nil {
		return err
	}
	s.last = string(body)
	s.set.Logger.Info("the target allocator's jobs are used", zap.Int("jobs", len(jobs)))
	return nil
}

// discovery is where a job's targets come from: the collector's own share at the allocator.
func (s *scraper) discovery(job string) map[string]any {
	a := s.cfg.Allocator
	result := map[string]any{"refresh_interval": "30s"}
	if a.TLS.CAFile != "" || a.TLS.CertFile != "" {
		result["tls_config"] = map[string]any{
			"ca_file": a.TLS.CAFile, "cert_file": a.TLS.CertFile, "key_file": a.TLS.KeyFile,
			"server_name": a.TLS.ServerName, "insecure_skip_verify": a.TLS.InsecureSkipVerify,
		}
	}
	for key, part := range a.Discovery {
		result[key] = part
	}
	result["url"] = fmt.Sprintf("%s/jobs/%s/targets?collector_id=%s", a.Endpoint, url.QueryEscape(job), url.QueryEscape(a.CollectorID))
	return result
}

func (s *scraper) use(whole map[string]any) error {
	text, err := yaml.Marshal(whole)
	if err != nil {
		return err
	}
	cfg, err := config.Load(string(text), s.log)
	if err != nil {
		return err
	}
	jobs, err := cfg.GetScrapeConfigs()
	if err != nil {
		return err
	}
	if err := s.scrape.ApplyConfig(cfg); err != nil {
		return err
	}
	found := map[string]discovery.Configs{}
	for _, job := range jobs {
		found[job.JobName] = job.ServiceDiscoveryConfigs
	}
	return s.found.ApplyConfig(found)
}

// Appender is called for each scrape.
func (s *scraper) Appender(context.Context) storage.Appender { return &samples{to: s} }

type samples struct {
	to     *scraper
	series []sample
}

type sample struct {
	labels labels.Labels
	at     int64
	value  float64
}

func (a *samples) Append(_ storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if !value.IsStaleNaN(v) {
		a.series = append(a.series, sample{l, t, v})
	}
	return 0, nil
}

func (a *samples) Commit() error {
	if len(a.series) == 0 {
		return nil
	}
	all := pmetric.NewMetrics()
	of := map[[2]string]pmetric.MetricSlice{}
	for _, one := range a.series {
		key := [2]string{one.labels.Get("job"), one.labels.Get("instance")}
		metrics, known := of[key]
		if !known {
			resource := all.ResourceMetrics().AppendEmpty()
			resource.Resource().Attributes().PutStr("service.name", key[0])
			resource.Resource().Attributes().PutStr("service.instance.id", key[1])
			metrics = resource.ScopeMetrics().AppendEmpty().Metrics()
			of[key] = metrics
		}
		metric := metrics.AppendEmpty()
		metric.SetName(one.labels.Get(labels.MetricName))
		point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetTimestamp(pcommon.NewTimestampFromTime(time.UnixMilli(one.at)))
		point.SetDoubleValue(one.value)
		one.labels.Range(func(l labels.Label) {
			if l.Name != labels.MetricName && l.Name != "job" && l.Name != "instance" {
				point.Attributes().PutStr(l.Name, l.Value)
			}
		})
	}
	return a.to.next.ConsumeMetrics(context.Background(), all)
}

func (a *samples) Rollback() error                   { a.series = nil; return nil }
func (a *samples) SetOptions(*storage.AppendOptions) {}
func (a *samples) AppendExemplar(storage.SeriesRef, labels.Labels, exemplar.Exemplar) (storage.SeriesRef, error) {
	return 0, nil
}
func (a *samples) AppendHistogram(storage.SeriesRef, labels.Labels, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}
func (a *samples) AppendHistogramCTZeroSample(storage.SeriesRef, labels.Labels, int64, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}
func (a *samples) UpdateMetadata(storage.SeriesRef, labels.Labels, metadata.Metadata) (storage.SeriesRef, error) {
	return 0, nil
}
func (a *samples) AppendCTZeroSample(storage.SeriesRef, labels.Labels, int64, int64) (storage.SeriesRef, error) {
	return 0, nil
}

func prometheusReceiver() receiver.Factory {
	return receiver.NewFactory(
		component.MustNewType("prometheus"),
		func() component.Config { return &prometheusConfig{} },
		receiver.WithMetrics(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			return &scraper{cfg: cfg.(*prometheusConfig), set: set, next: next}, nil
		}, component.StabilityLevelDevelopment),
	)
}
