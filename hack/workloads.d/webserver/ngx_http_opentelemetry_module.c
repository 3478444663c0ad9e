/* A stand-in for OpenTelemetry's nginx module: takes its directives, and answers with them in a header. */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

extern const char *standin_sdk(void);
ngx_module_t ngx_http_opentelemetry_module;

typedef struct {
    ngx_array_t directives; /* of ngx_table_elt_t */
} settings;

static ngx_http_output_header_filter_pt next;

static void *create(ngx_conf_t *conf) {
    settings *made = ngx_pcalloc(conf->pool, sizeof(settings));
    if (made == NULL || ngx_array_init(&made->directives, conf->pool, 8, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NULL;
    }
    return made;
}

static char *set(ngx_conf_t *conf, ngx_command_t *command, void *of) {
    ngx_str_t *words = conf->args->elts;
    ngx_table_elt_t *directive = ngx_array_push(&((settings *)of)->directives);
    (void)command;
    if (directive == NULL) {
        return NGX_CONF_ERROR;
    }
    directive->key = words[0];
    directive->value = words[1];
    return NGX_CONF_OK;
}

static ngx_int_t add(ngx_http_request_t *request, const char *name, const char *value, size_t length) {
    ngx_table_elt_t *header = ngx_list_push(&request->headers_out.headers);
    if (header == NULL) {
        return NGX_ERROR;
    }
    header->hash = 1;
    header->key.data = (u_char *)name;
    header->key.len = strlen(name);
    header->value.data = (u_char *)value;
    header->value.len = length;
    return NGX_OK;
}

static ngx_int_t answer(ngx_http_request_t *request) {
    settings *known = ngx_http_get_module_main_conf(request, ngx_http_opentelemetry_module);
    ngx_table_elt_t *directives = known->directives.elts;
    const char *sdk = standin_sdk(), *attributes = getenv("OTEL_RESOURCE_ATTRIBUTES");
    size_t size = strlen(sdk);
    u_char *line, *end;
    ngx_uint_t i;
    for (i = 0; i < known->directives.nelts; i++) {
        size += directives[i].key.len + directives[i].value.len + sizeof("; =");
    }
    line = ngx_pnalloc(request->pool, size);
    if (line == NULL) {
        return NGX_ERROR;
    }
    end = ngx_cpymem(line, sdk, strlen(sdk));
    for (i = 0; i < known->directives.nelts; i++) {
        end = ngx_sprintf(end, "; %V=%V", &directives[i].key, &directives[i].value);
    }
    if (add(request, "X-Otel", (char *)line, end - line) != NGX_OK) {
        return NGX_ERROR;
    }
    /* nginx clears its environment: this is there only when the configuration says `env OTEL_RESOURCE_ATTRIBUTES`. */
    if (attributes != NULL && add(request, "X-Attributes", attributes, strlen(attributes)) != NGX_OK) {
        return NGX_ERROR;
    }
    return next(request);
}

static ngx_int_t start(ngx_conf_t *conf) {
    (void)conf;
    next = ngx_http_top_header_filter;
    ngx_http_top_header_filter = answer;
    return NGX_OK;
}

#define DIRECTIVE(name) \
    {ngx_string("NginxModule" name), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL}
static ngx_command_t directives[] = {
    DIRECTIVE("Enabled"),         DIRECTIVE("OtelSpanExporter"), DIRECTIVE("OtelExporterEndpoint"),
    DIRECTIVE("ServiceName"),     DIRECTIVE("ServiceNamespace"), DIRECTIVE("ServiceInstanceId"),
    DIRECTIVE("ResolveBackends"), DIRECTIVE("TraceAsError"),     DIRECTIVE("OtelMaxQueueSize"),
    ngx_null_command,
};

static ngx_http_module_t context = {NULL, start, create, NULL, NULL, NULL, NULL, NULL};

ngx_module_t ngx_http_opentelemetry_module = {
    NGX_MODULE_V1,
    &context, directives, NGX_HTTP_MODULE, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING,
};
