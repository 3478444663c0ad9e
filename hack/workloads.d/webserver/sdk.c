/* A stand-in for each library of the web server agent. What the modules call is in the one named webserver_sdk. */
const char *standin_sdk(void) { return "stand-in"; }
