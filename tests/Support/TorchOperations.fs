/// Every differentiable member of torch.Tensor and torch that the binding offers, with inputs to try it on.
module Reproduction.Tests.TorchOperations

open System
open TorchSharp
open Reproduction.Tests.GradientCheck

let internal number (value: float) : Scalar = Scalar.op_Implicit value

let internal ints (values: int64 list) = torch.tensor(Array.ofList values)

/// An operation on one tensor [n, m].
let internal unary name (domain: int64 list -> Tensor) (run: Tensor -> Tensor) =
    { Name = name
      Inputs = fun n m -> [ domain [ n; m ] ]
      Run = fun inputs -> run inputs[0] }

/// An operation on two tensors [n, m] that never tie.
let internal binary name (second: int64 list -> Tensor) (run: Tensor -> Tensor -> Tensor) =
    { Name = name
      Inputs = fun n m -> [ real [ n; m ]; second [ n; m ] ]
      Run = fun inputs -> run inputs[0] inputs[1] }

/// An operation on tensors of shapes that depend on n and m.
let internal shaped name (shapes: int64 -> int64 -> int64 list list) (run: Tensor list -> Tensor) =
    { Name = name
      Inputs = fun n m -> shapes n m |> List.mapi (fun i shape -> spread (0.37 + 0.09 * float i) shape)
      Run = run }

let private member0 (name: string) (x: Tensor) =
    match (nonNull (typeof<Tensor>.GetMethod(name, Type.EmptyTypes))).Invoke(x, null) with
    | :? Tensor as result -> result
    | other -> failwith $"{name} returned {other}"

let private plain =
    [ real,
      "abs absolute cos cosh erf erfc exp exp2 expm1 ceil floor frac neg negative sigmoid sign sgn positive sin sinh tanh trunc relu silu selu \
       hardsigmoid hardswish relu6 gelu log_sigmoid square atan mean nansum max min median nanmedian"
      positive, "log log10 log1p log2 sqrt rsqrt reciprocal lgamma digamma"
      unitInterval, "acos asin erfinv tan" ]

let private inPlace =
    [ real,
      "abs ceil cos cosh erf erfc exp expm1 floor frac neg sigmoid sign sin sinh tanh trunc relu silu selu hardsigmoid hardswish relu6 atan"
      positive, "log log10 log1p log2 sqrt rsqrt reciprocal lgamma digamma"
      unitInterval, "acos asin erfinv tan" ]

let private names (list: string) = list.Split(' ', StringSplitOptions.RemoveEmptyEntries)

let private named =
    [ for domain, list in plain do
          for name in names list -> unary name domain (member0 name) ]
    @ [ for domain, list in inPlace do
            for name in names list -> unary $"{name}_" domain (fun x -> member0 $"{name}_" (x.clone ())) ]

let private functions =
    [ unary "round" real _.round()
      unary "round_" real _.clone().round_()
      unary "elu" real _.elu(0.7)
      unary "leaky_relu" real _.leaky_relu(number 0.2)
      unary "leaky_relu_" real _.clone().leaky_relu_(number 0.2)
      unary "hardtanh" real _.hardtanh(number -0.3, number 0.4)
      unary "softplus" real _.softplus(2.0)
      unary "softmax" real _.softmax(1L)
      unary "log_softmax" real _.log_softmax(0L)
      unary "logit" unitInterval _.logit()
      unary "nan_to_num" real _.nan_to_num()
      unary "clamp" real (fun x -> x.clamp(number -0.2, number 0.3))
      unary "clamp_" real (fun x -> x.clone().clamp_(number -0.2, number 0.3))
      unary "clip" real (fun x -> x.clip(number -0.2, number 0.3))
      unary "clamp_max" real _.clamp_max(number 0.1)
      unary "clamp_max_" real _.clone().clamp_max_(number 0.1)
      unary "clamp_min" real _.clamp_min(number 0.1)
      unary "clamp_min_" real _.clone().clamp_min_(number 0.1)
      unary "fill_" real _.clone().fill_(number 2.0)
      unary "zero_" real _.clone().zero_()
      { Name = "lerp"
        Inputs = fun n m -> [ real [ n; m ]; other [ n; m ]; unitInterval [ n; m ] ]
        Run = fun i -> i[0].lerp(i[1], i[2]) }
      { Name = "lerp_"
        Inputs = fun n m -> [ real [ n; m ]; other [ n; m ]; unitInterval [ n; m ] ]
        Run = fun i -> i[0].clone().lerp_(i[1], i[2]) } ]

let private arithmetic =
    [ binary "add" other (fun x y -> x.add(y, number 0.5))
      binary "add_" other (fun x y -> x.clone().add_(y, number 0.5))
      binary "sub" other (fun x y -> x.sub y)
      binary "sub_" other (fun x y -> x.clone().sub_ y)
      binary "subtract" other (fun x y -> x.subtract y)
      binary "subtract_" other (fun x y -> x.clone().subtract_ y)
      binary "mul" other (fun x y -> x.mul y)
      binary "mul_" other (fun x y -> x.clone().mul_ y)
      binary "multiply" other (fun x y -> x.multiply y)
      binary "div" positive (fun x y -> x.div y)
      binary "div_" positive (fun x y -> x.clone().div_ y)
      binary "true_divide" positive (fun x y -> x.true_divide y)
      binary "remainder" positive (fun x y -> x.remainder y)
      binary "remainder_" positive (fun x y -> x.clone().remainder_ y)
      binary "fmod" positive (fun x y -> x.fmod y)
      binary "fmod_" positive (fun x y -> x.clone().fmod_ y)
      binary "pow" other (fun x y -> x.abs().pow y)
      binary "pow_" other (fun x y -> x.abs().pow_ y)
      binary "xlogy" positive (fun x y -> x.xlogy y)
      binary "xlogy_" positive (fun x y -> x.clone().xlogy_ y)
      binary "atan2" other (fun x y -> x.atan2 y)
      binary "maximum" other (fun x y -> x.maximum y)
      binary "minimum" other (fun x y -> x.minimum y)
      binary "hypot" other (fun x y -> x.hypot y)
      binary "logaddexp" other (fun x y -> x.logaddexp y)
      binary "copysign" other (fun x y -> x.copysign y)
      { Name = "addcmul"
        Inputs = fun n m -> [ real [ n; m ]; other [ n; m ]; positive [ n; m ] ]
        Run = fun i -> i[0].addcmul(i[1], i[2], number 0.5) }
      { Name = "addcmul_"
        Inputs = fun n m -> [ real [ n; m ]; other [ n; m ]; positive [ n; m ] ]
        Run = fun i -> i[0].clone().addcmul_(i[1], i[2], number 0.5) }
      { Name = "addcdiv"
        Inputs = fun n m -> [ real [ n; m ]; other [ n; m ]; positive [ n; m ] ]
        Run = fun i -> i[0].addcdiv(i[1], i[2], number 0.5) }
      { Name = "addcdiv_"
        Inputs = fun n m -> [ real [ n; m ]; other [ n; m ]; positive [ n; m ] ]
        Run = fun i -> i[0].clone().addcdiv_(i[1], i[2], number 0.5) }
      binary "op_Addition" other (fun x y -> 2.0 + x + y + 1)
      binary "op_Subtraction" other (fun x y -> 2.0 - x - y - 1)
      binary "op_Multiply" other (fun x y -> 2.0 * x * y * 3)
      binary "op_Division" positive (fun x y -> x / y / 2.0 + 1.0 / y)
      binary "op_Modulus" positive (fun x y -> x % y)
      unary "op_UnaryNegation" real (fun x -> -x) ]

let private shapes =
    [ unary "view" real _.view(-1L)
      binary "view_as" other (fun x y -> x.view_as(y.flatten ()))
      unary "reshape" real _.reshape(1L, -1L)
      unary "flatten" real _.flatten()
      unary "unflatten" real (fun x -> x.unflatten(0L, 1L, x.shape[0]))
      unary "ravel" real _.ravel()
      unary "permute" real _.permute(1L, 0L)
      unary "transpose" real _.transpose(0L, 1L)
      unary "t" real _.t()
      unary "swapdims" real _.swapdims(0L, 1L)
      unary "swapaxes" real _.swapaxes(0L, 1L)
      unary "movedim" real (fun x -> torch.movedim(x, 0L, 1L))
      unary "squeeze" real (fun x -> x.reshape(1L, -1L).squeeze 0L)
      unary "squeeze_" real (fun x -> x.clone().reshape(1L, -1L).squeeze_ 0L)
      unary "unsqueeze" real _.unsqueeze(1L)
      unary "unsqueeze_" real _.clone().unsqueeze_(1L)
      unary "expand" real (fun x -> x.expand(3L, -1L, -1L))
      shaped "expand_as" (fun n m -> [ [ 1L; m ]; [ n; m ] ]) (fun i -> i[0].expand_as(i[1]))
      unary "broadcast_to" real (fun x -> x.broadcast_to(2L, x.shape[0], x.shape[1]))
      unary "narrow" real (fun x -> x.narrow(1L, 0L, 1L))
      unary "select" real _.select(0L, -1L)
      unary "slice" real (fun x -> x.slice(1L, 0L, x.shape[1], 2L))
      unary "unfold" real (fun x -> x.unfold(1L, 1L, 1L))
      unary "as_strided" real (fun x -> x.as_strided([| x.numel() |], [| 1L |]))
      unary "diagonal" real (fun x -> x.diagonal(0L, 0L, 1L))
      unary "alias" real _.alias()
      unary "chunk" real (fun x -> x.chunk(2L, 1L)[0])
      unary "split" real (fun x -> x.split(1L, 1)[0])
      unary "split sizes" real (fun x -> x.split([| x.shape[1] |], 1L)[0])
      unary "tensor_split" real (fun x -> x.tensor_split(2L, 1L)[0])
      unary "unbind" real (fun x -> x.unbind(0L)[0])
      unary "clone" real _.clone()
      unary "contiguous" real _.t().contiguous()
      binary "copy_" other (fun x y -> x.clone().copy_ y)
      unary "flip" real _.flip(0L, 1L)
      unary "fliplr" real _.fliplr()
      unary "flipud" real _.flipud()
      unary "roll" real _.roll(1L, 1L)
      unary "rot90" real _.rot90()
      unary "repeat" real _.repeat(2L, 3L)
      unary "repeat_interleave" real _.repeat_interleave(2L, 1L)
      unary "tile" real _.tile([| 2L; 1L |])
      unary "tril" real _.tril()
      unary "triu" real _.triu()
      unary "diag" real _.diag()
      unary "diag_embed" real _.diag_embed()
      unary "diff" real _.repeat(1L, 2L).diff()
      unary "to" real (fun x -> x.``to``(torch.float64, copy = true))
      unary "to_type" real (fun x -> x.to_type(torch.float64, copy = true))
      unary "type" real (fun x -> x.``type`` torch.float64)
      unary "type_as" real (fun x -> x.type_as x)
      unary "double" real (fun x -> x.``double`` ())
      unary "cpu" real _.cpu() ]

let private reductions =
    [ unary "sum" real _.sum()
      unary "sum dim" real _.sum(1L, true)
      unary "mean dim" real _.mean([| 0L |])
      unary "nanmean" real _.nanmean(1)
      unary "prod" positive _.prod()
      unary "prod dim" positive _.prod(1L)
      unary "std" real _.repeat(1L, 2L).std(1L)
      unary "var" real _.repeat(1L, 2L).var([| 0L; 1L |], false, true)
      unary "std_mean" real (fun x -> let struct (s, _) = x.repeat(1L, 2L).std_mean() in s)
      unary "var_mean" real (fun x -> let struct (v, _) = x.repeat(1L, 2L).var_mean() in v)
      unary "max dim" real (fun x -> let struct (values, _) = x.max(1L) in values)
      unary "min dim" real (fun x -> let struct (values, _) = x.min(1L) in values)
      unary "amax" real (fun x -> x.amax([| 1L |], true))
      unary "amin" real (fun x -> x.amin([| 0L |], false))
      unary "norm" real _.norm(1, false, 3.0f)
      binary "dist" other (fun x y -> x.dist(y, 2.0f))
      unary "logsumexp" real _.logsumexp(1L)
      unary "cumsum" real _.cumsum(1L)
      unary "cumprod" positive _.cumprod(1L)
      unary "cummax" real (fun x -> let struct (values, _) = x.cummax 1L in values)
      unary "cummin" real (fun x -> let struct (values, _) = x.cummin 1L in values)
      unary "quantile" real (fun x -> x.quantile(torch.tensor([| 0.3; 0.8 |]), 1L))
      unary "nanquantile" real (fun x -> x.nanquantile(torch.tensor([| 0.3 |]), 1L))
      unary "kthvalue" real (fun x -> let struct (values, _) = x.kthvalue(1L, 1L) in values)
      unary "mode" real (fun x -> let struct (values, _) = x.mode 1L in values)
      unary "topk" real (fun x -> let struct (values, _) = x.topk(1, 1) in values)
      unary "sort" real (fun x -> let struct (values, _) = x.sort(1L, true) in values)
      unary "msort" real _.msort()
      unary "trace" real (fun x -> (x.matmul (x.t ())).trace())
      unary "cov" real _.repeat(1L, 2L).cov()
      unary "corrcoef" real (fun x -> (x.repeat(1L, 2L) + torch.arange(Scalar.op_Implicit (2L * x.shape[1])).square()).corrcoef()) ]

let private index (n: int64) = torch.arange(Scalar.op_Implicit n).flip(0L)

let private indexing =
    [ unary "index_select" real (fun x -> x.index_select(0L, ints [ 0L; 0L ]))
      unary "gather" real (fun x -> x.gather(1L, torch.zeros_like(x, torch.int64)))
      unary "take" real (fun x -> x.take(ints [ 0L; 0L ]))
      unary "take_along_dim" real (fun x -> x.take_along_dim(x.argsort 1L, 1L))
      binary "masked_select" other (fun x y -> x.masked_select(y.gt(number -100.0)))
      binary "masked_fill" other (fun x y -> x.masked_fill(y.gt(number 0.0), number 1.0))
      binary "masked_fill_" other (fun x y -> x.clone().masked_fill_(y.gt(number 0.0), number 1.0))
      binary "masked_scatter" other (fun x y -> x.masked_scatter(x.gt(number 0.0), y))
      binary "masked_scatter_" other (fun x y -> x.clone().masked_scatter_(x.gt(number 0.0), y))
      binary "scatter" other (fun x y -> x.scatter(0L, torch.zeros([| 1L; x.shape[1] |], torch.int64), y.narrow(0L, 0L, 1L)))
      binary "scatter_" other (fun x y -> x.clone().scatter_(0L, torch.zeros([| 1L; x.shape[1] |], torch.int64), y.narrow(0L, 0L, 1L)))
      binary "scatter_add" other (fun x y -> x.scatter_add(0L, torch.zeros_like(x, torch.int64), y))
      binary "scatter_add_" other (fun x y -> x.clone().scatter_add_(0L, torch.zeros_like(x, torch.int64), y))
      binary "index_add" other (fun x y -> x.index_add(0L, index x.shape[0], y, number 0.5))
      binary "index_add_" other (fun x y -> x.clone().index_add_(0L, index x.shape[0], y, number 0.5))
      binary "index_copy" other (fun x y -> x.index_copy(0L, index x.shape[0], y))
      binary "index_copy_" other (fun x y -> x.clone().index_copy_(0L, index x.shape[0], y))
      unary "index_fill" real (fun x -> x.index_fill(0L, ints [ 0L ], number 1.0))
      unary "index_fill_" real (fun x -> x.clone().index_fill_(0L, ints [ 0L ], number 1.0))
      binary "where" other (fun x y -> torch.where(x.gt(number 0.0), x, y))
      unary "index" real (fun x -> x.index(torch.TensorIndex.Ellipsis, torch.TensorIndex.Slice(0L)))
      unary "index tensor" real (fun x -> x.index(ints [ 0L; 0L ]))
      unary "get_Item" real (fun x -> x[0L])
      binary "index_put_" other (fun x y -> x.clone().index_put_(y[0L], ints [ 0L ])) ]

let private several =
    [ binary "cat" other (fun x y -> torch.cat([| x; y |], 1L))
      binary "concat" other (fun x y -> torch.concat(ResizeArray [ x; y ], 1L))
      binary "stack" other (fun x y -> torch.stack([ x; y ], 1L))
      binary "hstack" other (fun x y -> torch.hstack(x, y))
      binary "vstack" other (fun x y -> torch.vstack([| x; y |]))
      binary "dstack" other (fun x y -> torch.dstack(x, y))
      binary "column_stack" other (fun x y -> torch.column_stack(x, y))
      binary "block_diag" other (fun x y -> torch.block_diag(x, y))
      binary "cartesian_prod" other (fun x y -> torch.cartesian_prod(x.flatten (), y.flatten ()))
      binary "meshgrid" other (fun x y -> torch.meshgrid([ x.flatten (); y.flatten () ])[1])
      shaped "broadcast_tensors" (fun n m -> [ [ n; 1L ]; [ 1L; m ] ]) (fun i -> torch.broadcast_tensors(i[0], i[1])[0])
      binary "einsum" other (fun x y -> torch.einsum("ij,kj->ik", x, y))
      shaped "cdist" (fun n m -> [ [ n; 3L ]; [ m; 3L ] ]) (fun i -> torch.cdist(i[0], i[1]))
      { Name = "inverse"
        Inputs = fun n _ -> [ real [ n; n ] ]
        Run = fun i -> torch.inverse(positiveDefinite i[0]) }
      { Name = "WrappedTensorDisposeScope"
        Inputs = fun n m -> [ real [ n; m ] ]
        Run = fun i -> torch.WrappedTensorDisposeScope(fun () -> i[0].square()) } ]

/// Everything above.
let operations = named @ functions @ arithmetic @ shapes @ reductions @ indexing @ several
