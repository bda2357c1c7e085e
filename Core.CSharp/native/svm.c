#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <svm.h>

static void print_nothing(const char *text) { (void)text; }

int native_svm_one_class_train(const double *rows, int n, int d, double gamma, double nu, double *coefficients, double *offset,
                        char *error, size_t error_size) {
    /* libsvm reads sparse rows: (index, value) pairs that end with index -1. */
    size_t length = (size_t)d + 1;
    struct svm_node *nodes = malloc((size_t)n * length * sizeof *nodes);
    struct svm_node **starts = malloc((size_t)n * sizeof *starts);
    double *labels = malloc((size_t)n * sizeof *labels);
    struct svm_model *model = NULL;
    int status = 1;
    if (!nodes || !starts || !labels) {
        snprintf(error, error_size, "out of memory");
        goto done;
    }
    for (int i = 0; i < n; i++) {
        starts[i] = nodes + (size_t)i * length;
        labels[i] = 1;
        for (int j = 0; j < d; j++) {
            starts[i][j].index = j + 1;
            starts[i][j].value = rows[(size_t)i * (size_t)d + (size_t)j];
        }
        starts[i][d].index = -1;
    }
    struct svm_problem problem = {n, labels, starts};
    struct svm_parameter parameter = {.svm_type = ONE_CLASS, .kernel_type = RBF, .gamma = gamma, .nu = nu,
                                      .cache_size = 200, .eps = 1e-3, .shrinking = 1};
    const char *complaint = svm_check_parameter(&problem, &parameter);
    if (complaint) {
        snprintf(error, error_size, "%s", complaint);
        goto done;
    }
    svm_set_print_string_function(print_nothing);
    model = svm_train(&problem, &parameter);
    memset(coefficients, 0, (size_t)n * sizeof *coefficients);
    for (int i = 0; i < model->l; i++)
        coefficients[model->sv_indices[i] - 1] = model->sv_coef[0][i];
    *offset = model->rho[0];
    status = 0;
done:
    if (model)
        svm_free_and_destroy_model(&model);
    free(nodes);
    free(starts);
    free(labels);
    return status;
}
