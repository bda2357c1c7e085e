using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor matmul(Tensor target) => Aten.Call("aten::matmul", this, target);

        public Tensor mm(Tensor target) => Aten.Call("aten::mm", this, target);

        public Tensor mv(Tensor target) => Aten.Call("aten::mv", this, target);

        public Tensor bmm(Tensor batch2) => Aten.Call("aten::bmm", this, batch2);

        public Tensor dot(Tensor target) => Aten.Call("aten::dot", this, target);

        public Tensor outer(Tensor vec2) => Aten.Call("aten::outer", this, vec2);

        public Tensor inner(Tensor vec2) => Aten.Call("aten::inner", this, vec2);

        public Tensor kron(Tensor other) => Aten.Call("aten::kron", this, other);

        /// <summary>beta this + alpha mat1 mat2</summary>
        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Aten.Call("aten::addmm", this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor addmm_(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            InPlace("aten::addmm_", this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor addmv(Tensor mat, Tensor vec, float beta = 1.0f, float alpha = 1.0f) =>
            Aten.Call("aten::addmv", this, mat, vec, (double)beta, (double)alpha);

        public Tensor addr(Tensor vec1, Tensor vec2, float beta = 1.0f, float alpha = 1.0f) =>
            Aten.Call("aten::addr", this, vec1, vec2, (double)beta, (double)alpha);

        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Aten.Call("aten::baddbmm", this, batch1, batch2, (double)beta, (double)alpha);

        public Tensor tensordot(Tensor b, long[] dims1, long[] dims2) => Aten.Call("aten::tensordot", this, b, dims1, dims2);

        public Tensor cholesky(bool upper = false) => Aten.Call("aten::linalg_cholesky", this, upper);

        /// <summary>The inverse of the matrix of which this is a Cholesky factor.</summary>
        public Tensor cholesky_inverse(bool upper = false) => Aten.Call("aten::cholesky_inverse", this, upper);

        /// <summary>Solves A X = this for the matrix A of which input2 is a Cholesky factor.</summary>
        public Tensor cholesky_solve(Tensor input2, bool upper = false) => Aten.Call("aten::cholesky_solve", this, input2, upper);

        public Tensor det() => Aten.Call("aten::det", this);

        public Tensor logdet() => Aten.Call("aten::logdet", this);

        public Tensor matrix_exp() => Aten.Call("aten::matrix_exp", this);

        public Tensor matrix_power(int n) => Aten.Call("aten::matrix_power", this, (long)n);

        public Tensor pinverse(double rcond = 1e-15, bool hermitian = false) => Aten.Call("aten::linalg_pinv", this, rcond, hermitian);
    }
}
