/* A stand-in for OpenTelemetry's Apache module: takes its directives, logs them and answers with them in a header. */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_request.h>
#include <apr_strings.h>
#include <apr_tables.h>

extern const char *standin_sdk(void);
module AP_MODULE_DECLARE_DATA otel_apache_module;

static void *create(apr_pool_t *pool, server_rec *server) {
    (void)server;
    return apr_table_make(pool, 8);
}

static const char *set(cmd_parms *command, void *folder, const char *arguments) {
    apr_table_t *directives = ap_get_module_config(command->server->module_config, &otel_apache_module);
    (void)folder;
    apr_table_set(directives, command->cmd->name, ap_getword_conf(command->pool, &arguments));
    return NULL;
}

static int append(void *line, const char *name, const char *value) {
    apr_pool_t *pool = ((void **)line)[0];
    ((void **)line)[1] = apr_psprintf(pool, "%s; %s=%s", (char *)((void **)line)[1], name, value);
    return 1;
}

static const char *described(apr_pool_t *pool, server_rec *server) {
    void *line[2] = {pool, (void *)standin_sdk()};
    apr_table_do(append, line, ap_get_module_config(server->module_config, &otel_apache_module), NULL);
    return line[1];
}

static int start(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *scratch, server_rec *server) {
    (void)log;
    (void)scratch;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server, "module: %s", described(pool, server));
    return OK;
}

static int answer(request_rec *request) {
    if (request->main == NULL) {
        apr_table_setn(request->headers_out, "X-Otel", described(request->pool, request->server));
    }
    return DECLINED;
}

static void hooks(apr_pool_t *pool) {
    (void)pool;
    ap_hook_post_config(start, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(answer, NULL, NULL, APR_HOOK_MIDDLE);
}

#define DIRECTIVE(name) AP_INIT_RAW_ARGS("ApacheModule" name, set, NULL, RSRC_CONF, "of the agent")
static const command_rec directives[] = {
    DIRECTIVE("Enabled"),           DIRECTIVE("OtelSpanExporter"), DIRECTIVE("OtelExporterEndpoint"),
    DIRECTIVE("ServiceName"),       DIRECTIVE("ServiceNamespace"), DIRECTIVE("ServiceInstanceId"),
    DIRECTIVE("ResolveBackends"),   DIRECTIVE("TraceAsError"),     DIRECTIVE("OtelMaxQueueSize"),
    {NULL, {NULL}, NULL, 0, RAW_ARGS, NULL},
};

AP_DECLARE_MODULE(otel_apache) = {STANDARD20_MODULE_STUFF, NULL, NULL, create, NULL, directives, hooks, 0};
