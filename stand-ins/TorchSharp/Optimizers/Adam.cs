using TorchSharp.Modules;
using TorchSharp.PInvoke;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>Adam (Kingma and Ba, 2015), algorithm 1; weight_decay is added to the gradient.</summary>
            public static Adam Adam(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
                double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            public static Adam Adam(
                IEnumerable<(string name, Parameter parameter)> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999,
                double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters.Select(named => named.parameter), lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
        }
    }

    namespace Modules
    {
        /// <inheritdoc cref="torch.optim.Adam(IEnumerable{Parameter}, double, double, double, double, double, bool, bool)"/>
        public class Adam : OptimizerHelper
        {
            public Adam(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
                double weight_decay = 0, bool amsgrad = false, bool maximize = false)
            {
                if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
                if (eps < 0) throw new ArgumentException($"Invalid ε: {eps}");
                if (beta1 is < 0 or >= 1) throw new ArgumentException($"Invalid beta1: {beta1}");
                if (beta2 is < 0 or >= 1) throw new ArgumentException($"Invalid beta2: {beta2}");
                if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
                add_param_group(new Modules.ParamGroup
                {
                    Parameters = parameters,
                    Options = new Options
                    {
                        LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay,
                        amsgrad = amsgrad, maximize = maximize
                    }
                });
            }

            private protected override OptimizerState NewState(Parameter parameter, OptimizerOptions options) =>
                new State(parameter, ((Options)options).amsgrad!.Value);

            private protected override void StepGroup(
                OptimizerOptions options, torch.Tensor[] parameters, torch.Tensor[] grads, OptimizerState[] states)
            {
                // The bias correction depends on the number of steps, which differs between parameters only
                // where some had no gradient at times.
                foreach (var sameStep in Enumerable.Range(0, states.Length).GroupBy(i => ++((State)states[i]).step))
                {
                    var members = sameStep.ToArray();
                    Step(
                        (Options)options, sameStep.Key, Array.ConvertAll(members, i => parameters[i]), Array.ConvertAll(members, i => grads[i]),
                        Array.ConvertAll(members, i => (State)states[i]));
                }
            }

            private static void Step(Options options, long step, torch.Tensor[] parameters, torch.Tensor[] grads, State[] states)
            {
                var (beta1, beta2) = (options.beta1!.Value, options.beta2!.Value);
                if (options.maximize == true) grads = Aten.CallList("aten::_foreach_neg", grads);
                if (options.weight_decay != 0) grads = Aten.CallList("aten::_foreach_add.List", grads, parameters, options.weight_decay);
                var means = Array.ConvertAll(states, state => state.exp_avg);
                var squares = Array.ConvertAll(states, state => state.exp_avg_sq);
                Aten.Run("aten::_foreach_mul_.Scalar", means, beta1);
                Aten.Run("aten::_foreach_add_.List", means, grads, 1 - beta1);
                Aten.Run("aten::_foreach_mul_.Scalar", squares, beta2);
                Aten.Run("aten::_foreach_addcmul_.Scalar", squares, grads, grads, 1 - beta2);
                if (options.amsgrad == true)
                {
                    foreach (var state in states) state.max_exp_avg_sq!.copy_(state.max_exp_avg_sq.maximum(state.exp_avg_sq));
                    squares = Array.ConvertAll(states, state => state.max_exp_avg_sq!);
                }
                var denominators = Aten.CallList("aten::_foreach_sqrt", squares);
                Aten.Run("aten::_foreach_div_.Scalar", denominators, Math.Sqrt(1 - Math.Pow(beta2, step)));
                Aten.Run("aten::_foreach_add_.Scalar", denominators, options.eps);
                var size = options.LearningRate!.Value / (1 - Math.Pow(beta1, step));
                Aten.Run("aten::_foreach_addcdiv_.Scalar", parameters, means, denominators, -size);
            }

            public class Options : OptimizerOptions
            {
                public double? beta1;
                public double? beta2;
                public double? weight_decay;
                public double? eps;
                public bool? amsgrad;
                public bool? maximize;

                public override void SaveStateDict(BinaryWriter writer)
                {
                    base.SaveStateDict(writer);
                    writer.Write(beta1!.Value);
                    writer.Write(beta2!.Value);
                    writer.Write(eps!.Value);
                    writer.Write(weight_decay!.Value);
                    writer.Write(amsgrad!.Value);
                    writer.Write(maximize!.Value);
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    base.LoadStateDict(reader);
                    (beta1, beta2) = (reader.ReadDouble(), reader.ReadDouble());
                    (eps, weight_decay) = (reader.ReadDouble(), reader.ReadDouble());
                    (amsgrad, maximize) = (reader.ReadBoolean(), reader.ReadBoolean());
                }
            }

            /// <summary>Parameters with settings of their own.</summary>
            public class ParamGroup(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
                double weight_decay = 0, bool amsgrad = false, bool maximize = false) : ParamGroup<Options>(
                parameters,
                new Options
                {
                    LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize
                });

            /// <summary>The running means of the gradient and of its square.</summary>
            public sealed class State : OptimizerState
            {
                public long step;
                public torch.Tensor exp_avg;
                public torch.Tensor exp_avg_sq;
                public torch.Tensor? max_exp_avg_sq;

                internal State(Parameter parameter, bool amsgrad)
                {
                    exp_avg = parameter.zeros_like().DetachFromDisposeScope();
                    exp_avg_sq = parameter.zeros_like().DetachFromDisposeScope();
                    if (amsgrad) max_exp_avg_sq = parameter.zeros_like().DetachFromDisposeScope();
                }

                public override void SaveStateDict(BinaryWriter writer)
                {
                    writer.Write(step);
                    exp_avg.Save(writer);
                    exp_avg_sq.Save(writer);
                    SaveOptional(writer, max_exp_avg_sq);
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    step = reader.ReadInt64();
                    exp_avg.Load(reader);
                    exp_avg_sq.Load(reader);
                    max_exp_avg_sq?.Dispose();
                    max_exp_avg_sq = LoadOptional(reader, exp_avg.device);
                }

                public override void Dispose()
                {
                    exp_avg.Dispose();
                    exp_avg_sq.Dispose();
                    max_exp_avg_sq?.Dispose();
                }
            }
        }
    }
}
