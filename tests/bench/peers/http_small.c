/* The floor: a bare libcurl-multi loop, one keep-alive request after the other. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t sink(char *p, size_t size, size_t n, void *total) {
    (void)p;
    *(size_t *)total += size * n;
    return size * n;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    long left = strtol(argv[2], NULL, 10);
    size_t total = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    for (; left > 0; left--) {
        int running = 1, messages;
        long status = 0;
        curl_easy_reset(easy);
        curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, sink);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &total);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_multi_add_handle(multi, easy);
        while (running) {
            curl_multi_perform(multi, &running);
            if (running) curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
        curl_multi_info_read(multi, &messages);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(multi, easy);
        if (status != 200) return fprintf(stderr, "status %ld\n", status), 1;
    }
    return 0;
}
