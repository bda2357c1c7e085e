using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// Decompositions, solvers and norms of matrices: tensors [.., M, N], a matrix for each position of the leading dimensions.
    /// A decomposition that does not exist (a matrix that is singular or not positive definite) is an
    /// <see cref="System.Runtime.InteropServices.ExternalException"/> that says so.
    /// </summary>
    public static class linalg
    {
        /// <summary>What <see cref="qr"/> computes.</summary>
        public enum QRMode
        {
            Reduced = 0,
            Complete = 1,
            R = 2
        }

        /// <summary>The lower factor L of a symmetric positive definite matrix L L^T.</summary>
        public static Tensor cholesky(Tensor input) => Aten.Call("aten::linalg_cholesky", input);

        /// <summary>As <see cref="cholesky"/>, with info 0 where it succeeded, else the order of the minor that is not positive definite.</summary>
        public static (Tensor L, Tensor info) cholesky_ex(Tensor input, bool check_errors = false) =>
            Aten.Call2("aten::linalg_cholesky_ex", input, false, check_errors);

        /// <summary>The condition number in the 2-norm.</summary>
        public static Tensor cond(Tensor input) => Aten.Call("aten::linalg_cond", input);

        public static Tensor cross(Tensor input, Tensor other, long dim = -1) => Aten.Call("aten::linalg_cross", input, other, dim);

        public static Tensor det(Tensor input) => Aten.Call("aten::linalg_det", input);

        /// <summary>The sign of the determinant and the logarithm of its absolute value.</summary>
        public static (Tensor, Tensor) slogdet(Tensor input) => Aten.Call2("aten::linalg_slogdet", input);

        public static Tensor diagonal(Tensor input, int offset = 0, int dim1 = -2, int dim2 = -1) => input.diagonal(offset, dim1, dim2);

        /// <summary>Eigenvalues [.., N], ascending, and eigenvectors in columns [.., N, N] of a symmetric matrix; UPLO is the triangle read.</summary>
        public static (Tensor, Tensor) eigh(Tensor input, char UPLO = 'L') => Aten.Call2("aten::linalg_eigh", input, UPLO.ToString());

        public static Tensor eigvalsh(Tensor input, char UPLO = 'L') => Aten.Call("aten::linalg_eigvalsh", input, UPLO.ToString());

        public static Tensor inv(Tensor input) => Aten.Call("aten::linalg_inv", input);

        /// <summary>Minimises |input X - other|.</summary>
        public static (Tensor Solution, Tensor Residuals, Tensor Rank, Tensor SingularValues) lstsq(Tensor input, Tensor other) =>
            Aten.Call4("aten::linalg_lstsq", input, other);

        public static Tensor matrix_exp(Tensor input) => input.matrix_exp();

        public static Tensor matrix_norm(Tensor input, string ord = "fro", long[]? dims = null, bool keepdim = false) =>
            Aten.Call("aten::linalg_matrix_norm.str_ord", input, ord, dims ?? [-2, -1], keepdim);

        public static Tensor matrix_norm(Tensor input, double ord, long[]? dims = null, bool keepdim = false) =>
            Aten.Call("aten::linalg_matrix_norm", input, ord, dims ?? [-2, -1], keepdim);

        public static Tensor matrix_rank(Tensor input, double? atol = null, double? rtol = null, bool hermitian = false) =>
            Aten.Call("aten::linalg_matrix_rank.atol_rtol_float", input, atol, rtol, hermitian);

        public static Tensor multi_dot(IList<Tensor> tensors) => Aten.Call("aten::linalg_multi_dot", tensors.ToArray());

        /// <summary>The 2-norm of all elements, or of the vectors or matrices along dims.</summary>
        public static Tensor norm(Tensor input, long[]? dims = null, bool keepdim = false) =>
            Aten.Call("aten::linalg_norm", input, Argument.None, dims, keepdim);

        public static Tensor norm(Tensor input, double ord, long[]? dims = null, bool keepdim = false) =>
            Aten.Call("aten::linalg_norm", input, ord, dims, keepdim);

        public static Tensor norm(Tensor input, int ord, long[]? dims = null, bool keepdim = false) => norm(input, (double)ord, dims, keepdim);

        public static Tensor norm(Tensor input, string ord, long[]? dims = null, bool keepdim = false) =>
            Aten.Call("aten::linalg_norm.ord_str", input, ord, dims, keepdim);

        public static Tensor pinv(Tensor input, double? atol = null, double? rtol = null, bool hermitian = false) =>
            Aten.Call("aten::linalg_pinv.atol_rtol_float", input, atol, rtol, hermitian);

        public static (Tensor Q, Tensor R) qr(Tensor input, QRMode mode = QRMode.Reduced) =>
            Aten.Call2("aten::linalg_qr", input, mode switch { QRMode.Complete => "complete", QRMode.R => "r", _ => "reduced" });

        /// <summary>X of A X = B, or of X A = B where left is false.</summary>
        public static Tensor solve(Tensor A, Tensor B, bool left = true) => Aten.Call("aten::linalg_solve", A, B, left);

        /// <summary>X of A X = B for triangular A, of which only the named triangle is read.</summary>
        public static Tensor solve_triangular(Tensor A, Tensor B, bool upper, bool left = true, bool unitriangular = false) =>
            Aten.Call("aten::linalg_solve_triangular", A, B, upper, left, unitriangular);

        /// <summary>U, the singular values in descending order, and V^T.</summary>
        public static (Tensor U, Tensor S, Tensor Vh) svd(Tensor input, bool fullMatrices = true) =>
            Aten.Call3("aten::linalg_svd", input, fullMatrices);

        public static Tensor svdvals(Tensor input) => Aten.Call("aten::linalg_svdvals", input);

        public static Tensor vector_norm(Tensor input, double ord = 2d, long[]? dims = null, bool keepdim = false) =>
            Aten.Call("aten::linalg_vector_norm", input, ord, dims, keepdim);

        public static Tensor vecdot(Tensor x, Tensor y, long dim = -1) => Aten.Call("aten::linalg_vecdot", x, y, dim);
    }
}
