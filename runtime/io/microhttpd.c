/* The functions of libmicrohttpd that we call, passed on: see base/library.h. */
#include "io/microhttpd.h"

#include <stdarg.h>

#include "base/library.h"

static sl_library mhd = {.file = "libmicrohttpd.so.12", .package = "libmicrohttpd12"};

int sl_microhttpd_open(sl_err *err) {
    return sl_library_open(&mhd, err);
}

SL_LIBRARY_GIVES(mhd, const char *, MHD_get_version, (void), ())
SL_LIBRARY_GIVES(mhd, enum MHD_Result, MHD_run, (struct MHD_Daemon *daemon), (daemon))
SL_LIBRARY_GIVES(mhd, enum MHD_Result, MHD_get_timeout, (struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *ms),
                 (daemon, ms))
SL_LIBRARY_GIVES(mhd, MHD_socket, MHD_quiesce_daemon, (struct MHD_Daemon *daemon), (daemon))
SL_LIBRARY_DOES(mhd, MHD_stop_daemon, (struct MHD_Daemon *daemon), (daemon))

SL_LIBRARY_DOES(mhd, MHD_suspend_connection, (struct MHD_Connection *conn), (conn))
SL_LIBRARY_DOES(mhd, MHD_resume_connection, (struct MHD_Connection *conn), (conn))
SL_LIBRARY_GIVES(mhd, int, MHD_get_connection_values,
                 (struct MHD_Connection *conn, enum MHD_ValueKind kind, MHD_KeyValueIterator each, void *cls),
                 (conn, kind, each, cls))
SL_LIBRARY_GIVES(mhd, const char *, MHD_lookup_connection_value,
                 (struct MHD_Connection *conn, enum MHD_ValueKind kind, const char *key), (conn, kind, key))

SL_LIBRARY_GIVES(mhd, struct MHD_Response *, MHD_create_response_from_buffer,
                 (size_t size, void *bytes, enum MHD_ResponseMemoryMode mode), (size, bytes, mode))
SL_LIBRARY_GIVES(mhd, struct MHD_Response *, MHD_create_response_from_callback,
                 (uint64_t size, size_t block, MHD_ContentReaderCallback read, void *cls,
                  MHD_ContentReaderFreeCallback end),
                 (size, block, read, cls, end))
SL_LIBRARY_GIVES(mhd, enum MHD_Result, MHD_add_response_header,
                 (struct MHD_Response *response, const char *name, const char *value), (response, name, value))
SL_LIBRARY_GIVES(mhd, enum MHD_Result, MHD_queue_response,
                 (struct MHD_Connection *conn, unsigned int status, struct MHD_Response *response),
                 (conn, status, response))
SL_LIBRARY_DOES(mhd, MHD_destroy_response, (struct MHD_Response *response), (response))

/* ---- with `...` ---- */

SL_LIBRARY_OURS struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accept,
                                                    void *accept_cls, MHD_AccessHandlerCallback step, void *step_cls,
                                                    ...) {
    SL_LIBRARY_REAL(mhd, MHD_start_daemon_va);
    va_list options;
    va_start(options, step_cls);
    struct MHD_Daemon *daemon = real(flags, port, accept, accept_cls, step, step_cls, options);
    va_end(options);
    return daemon;
}

/* No kind of information that exists takes one more argument. */
SL_LIBRARY_OURS const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *conn,
                                                                        enum MHD_ConnectionInfoType what, ...) {
    SL_LIBRARY_REAL(mhd, MHD_get_connection_info);
    return real(conn, what);
}

SL_LIBRARY_OURS const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                                enum MHD_DaemonInfoType what, ...) {
    SL_LIBRARY_REAL(mhd, MHD_get_daemon_info);
    return real(daemon, what);
}
